"""What becomes of a picture that the author sends."""

import concurrent.futures
import contextlib
import io
import pathlib
import struct
import subprocess
import sys
import time
import unittest
import warnings
import zlib
from unittest import mock

from PIL import Image, ImageChops, ImageCms, ImageDraw, PngImagePlugin

from parts import pictures

FOLDER = pathlib.Path(__file__).resolve().parent.parent
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)
FORMATS = ['JPEG', 'PNG', 'GIF', 'WEBP', 'AVIF', 'BMP', 'TIFF']
ORIENTATION = 0x0112  # of EXIF, as are the next two
DESCRIPTION = 0x010E
GPS = 0x8825
PICTURE_CHUNKS = {b'VP8 ', b'VP8L', b'VP8X', b'ALPH', b'ANIM', b'ANMF'}


def pack(image, format='PNG', **settings):
    """Return the bytes of a file of an image."""
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()


def convert(content):
    """Return Pillow's image of what becomes of a file."""
    content, width, height = pictures.convert_picture(io.BytesIO(content))
    image = Image.open(io.BytesIO(content), formats=['WEBP'])
    assert image.size == (width, height)
    image.load()
    return image


def draw_quarters(width=64, height=48):
    """Return an image that shows how it is turned: red, green, blue and grey from the top left."""
    image = Image.new('RGB', (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle([width // 2, 0, width, height // 2 - 1], GREEN)
    draw.rectangle([0, height // 2, width // 2 - 1, height], BLUE)
    draw.rectangle([width // 2, height // 2, width, height], GREY)
    return image


def draw_noise(width=64, height=48):
    """Return an image that is as hard to store as a photograph, the same each time."""
    ramps = [Image.linear_gradient('L').resize((width, height)).rotate(90 * n) for n in range(3)]
    image = Image.merge('RGB', ramps)
    for x in range(width):
        for y in range(height):
            if x * 7919 % 61 * (y * 104729 % 53) % 7 < 3:
                image.putpixel((x, y), (x * y % 256, x * 31 % 256, y * 17 % 256))
    return image


def make_exif(orientation):
    """Return EXIF that tells where a picture was made, and how the camera was held."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[DESCRIPTION] = 'secret'
    exif.get_ifd(GPS)[1] = 'N'
    return exif


def make_swapping_profile():
    """Return an ICC profile for which red is green and green is red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    profile = profile.replace(b'rXYZ', b'XXXX').replace(b'gXYZ', b'rXYZ')
    return profile.replace(b'XXXX', b'gXYZ')


def list_chunks(content):
    """Return the names of the chunks of a WebP file."""
    names, at = [], 12
    while at < len(content):
        name, size = struct.unpack_from('<4sI', content, at)
        names.append(name)
        at += 8 + size + size % 2
    return names


def make_chunk(name, content):
    """Return a chunk of a PNG file."""
    check = struct.pack('>I', zlib.crc32(name + content))
    return struct.pack('>I', len(content)) + name + content + check


def make_png(width, height, *chunks):
    """Return a PNG file of black pixels that says to have this size, with chunks before them."""
    header = make_chunk(b'IHDR', struct.pack('>2I5B', width, height, 8, 0, 0, 0, 0))
    pixels = make_chunk(b'IDAT', zlib.compress(bytes(width * height + height)[: 10**6]))
    return b''.join([b'\x89PNG\r\n\x1a\n', header, *chunks, pixels, make_chunk(b'IEND', b'')])


def make_gif(width, height, frames):
    """Return a GIF file of this size whose frames are single pixels."""
    screen = struct.pack('<6s2H3B', b'GIF89a', width, height, 0x80, 0, 0) + bytes(6)
    frame = struct.pack('<s4HB', b',', 0, 0, 1, 1, 0) + b'\x02\x02D\x01\0'
    return screen + frame * frames + b';'


def resize_jpeg(content, width, height):
    """Return a JPEG file that says to have another size."""
    at = max(content.find(b'\xff\xc0'), content.find(b'\xff\xc2')) + 5
    return content[:at] + struct.pack('>2H', height, width) + content[at + 4 :]


class PictureTestCase(unittest.TestCase):
    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter('ignore')  # which Pillow gives before it is refused

    def assertLooksLike(self, image, expected, tolerance=0):
        """Assert that no colour of a pixel is further from the expected one."""
        self.assertEqual(image.size, expected.size)
        self.assertEqual(image.mode, expected.mode)
        extremes = ImageChops.difference(image, expected).getextrema()
        self.assertLessEqual(max(highest for _, highest in extremes), tolerance)

    def assertQuarters(self, image):
        """Assert that this is what draw_quarters() made, however it was stored."""
        self.assertEqual(image.size, (64, 48))
        for place, colour in [((9, 9), RED), ((54, 9), GREEN), ((9, 38), BLUE), ((54, 38), GREY)]:
            self.assertColour(image, place, colour, tolerance=9)

    def assertColour(self, image, place, colour, tolerance=3):
        """Assert that a pixel has nearly a colour."""
        found = image.getpixel(place)
        self.assertEqual(len(found), len(colour))
        for one, other in zip(found, colour, strict=True):
            self.assertAlmostEqual(one, other, delta=tolerance, msg=f'{found} is not {colour}')

    def assertRefused(self, content, reason, seconds=2):
        """Assert that a file is soon refused with words in a sentence; return its cause."""
        start = time.thread_time()
        with self.assertRaises(ValueError) as caught:
            pictures.convert_picture(io.BytesIO(content))
        self.assertLess(time.thread_time() - start, seconds)
        self.assertRegex(str(caught.exception), '^[A-Z][^.]*$')
        self.assertIn(reason, str(caught.exception))
        return caught.exception.__cause__

    def assertTellsNothing(self, content):
        self.assertIn(b'secret', content)
        content, *_ = pictures.convert_picture(io.BytesIO(content))
        self.assertLessEqual(set(list_chunks(content)), PICTURE_CHUNKS)
        self.assertNotIn(b'secret', content)


class FormatTest(PictureTestCase):
    def test_a_picture_of_each_format_that_is_sent_comes_out_as_webp(self):
        for format in FORMATS:
            with self.subTest(format=format):
                content = pack(draw_quarters(), format)
                self.assertQuarters(convert(content))

    def test_a_photo_with_a_second_picture_in_it_comes_out_as_its_first(self):
        content = pack(draw_quarters(), 'MPO', save_all=True, append_images=[draw_noise()])
        with Image.open(io.BytesIO(content)) as image:
            self.assertEqual((image.format, image.n_frames), ('MPO', 2))
        self.assertQuarters(convert(content))

    def test_a_document_of_several_pages_comes_out_as_its_first(self):
        content = pack(draw_quarters(), 'TIFF', save_all=True, append_images=[draw_noise()])
        image = convert(content)
        self.assertLooksLike(image, draw_quarters())
        self.assertEqual(image.n_frames, 1)

    def test_what_was_sharp_stays_sharp_where_that_is_no_larger(self):
        for format in ['PNG', 'GIF', 'BMP', 'TIFF']:
            content, *_ = pictures.convert_picture(io.BytesIO(pack(draw_quarters(), format)))
            self.assertEqual(list_chunks(content), [b'VP8L'])
            self.assertLooksLike(Image.open(io.BytesIO(content)), draw_quarters())
        content, *_ = pictures.convert_picture(
            io.BytesIO(pack(draw_quarters(), 'WEBP', lossless=True))
        )
        self.assertEqual(list_chunks(content), [b'VP8L'])

    def test_a_photo_loses_what_nobody_sees(self):
        for format in ['PNG', 'JPEG']:
            content, *_ = pictures.convert_picture(io.BytesIO(pack(draw_noise(), format)))
            self.assertEqual(list_chunks(content), [b'VP8 '])

    def test_the_same_picture_gives_the_same_bytes_in_several_threads_at_once(self):
        content = pack(draw_noise(200, 150), 'JPEG')
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            files = [io.BytesIO(content) for _ in range(8)]
            self.assertEqual(len(set(pool.map(pictures.convert_picture, files))), 1)

    def test_one_picture_at_a_time_is_in_memory(self):
        with mock.patch.object(pictures, 'encode', lambda image: pictures.TURN.locked()):
            self.assertTrue(pictures.convert_picture(io.BytesIO(pack(draw_quarters()))))

    def test_who_only_reads_needs_no_pillow(self):
        command = 'import sys; from parts import pictures; sys.exit("PIL" in sys.modules)'
        subprocess.run([sys.executable, '-c', command], cwd=FOLDER, check=True)


class UprightTest(PictureTestCase):
    TURNS = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # so that it has to be turned by 270
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }

    def test_a_picture_is_turned_as_the_camera_was_held(self):
        for orientation, turn in self.TURNS.items():
            lying = draw_quarters().transpose(turn)
            for format in ['JPEG', 'PNG', 'WEBP', 'AVIF', 'TIFF']:
                with self.subTest(orientation=orientation, format=format):
                    image = convert(pack(lying, format, exif=make_exif(orientation)))
                    self.assertQuarters(image)

    def test_a_picture_that_is_scaled_is_turned_too(self):
        for format in ['JPEG', 'TIFF']:
            image = convert(pack(draw_quarters(3000, 1000), format, exif=make_exif(6)))
            self.assertEqual(image.size, (683, 2048))
            for place, colour in [((9, 9), BLUE), ((673, 9), RED), ((9, 2038), GREY)]:
                self.assertColour(image, place, colour, tolerance=9)

    def test_broken_exif_says_nothing(self):
        for exif in [b'Exif\0\0nonsense', b'Exif\0\0II*\0\xff\xff\xff\xff', b'']:
            for format in ['JPEG', 'PNG', 'WEBP']:
                image = convert(pack(draw_quarters(), format, exif=exif))
                self.assertQuarters(image)


class SizeTest(PictureTestCase):
    def test_a_picture_is_made_as_small_as_a_page_needs_it(self):
        for size, expected in [
            ((2048, 99), (2048, 99)),
            ((4096, 99), (2048, 50)),
            ((99, 3000), (68, 2048)),
            ((9000, 1), (2048, 1)),
            ((1, 9000), (1, 2048)),
        ]:
            for format in ['PNG', 'JPEG']:
                with self.subTest(size=size, format=format):
                    image = Image.new('L', size, 128)
                    self.assertEqual(convert(pack(image, format)).size, expected)

    def test_a_small_picture_is_not_made_larger(self):
        self.assertEqual(convert(pack(Image.new('RGB', (1, 1)))).size, (1, 1))

    def test_a_photo_of_many_megapixels_is_read_at_a_smaller_size(self):
        image = Image.new('L', (12_000, 6000), 100)
        self.assertGreater(image.width * image.height, pictures.MAX_PIXELS)
        image = convert(pack(image, 'JPEG'))
        self.assertEqual(image.size, (2048, 1024))
        self.assertColour(image, (1000, 500), (100, 100, 100))


class ColourTest(PictureTestCase):
    def test_each_way_to_store_colours_comes_out_right(self):
        black_and_white = Image.new('1', (2, 1))
        black_and_white.putpixel((1, 0), 1)
        half_red = Image.new('RGBA', (2, 1), (255, 0, 0, 128))
        for content, expected in [
            (pack(black_and_white), [(0, 0, 0), (255, 255, 255)]),
            (pack(Image.new('L', (2, 1), 99)), [(99, 99, 99)] * 2),
            (pack(Image.new('LA', (2, 1), (99, 128))), [(99, 99, 99, 128)] * 2),
            (pack(Image.new('RGB', (2, 1), RED).quantize(2)), [RED] * 2),
            (pack(half_red), [(255, 0, 0, 128)] * 2),
            (pack(half_red.quantize(2)), [(255, 0, 0, 128)] * 2),
            (pack(half_red, 'WEBP', lossless=True), [(255, 0, 0, 128)] * 2),
            (pack(Image.new('CMYK', (8, 8), (0, 255, 255, 0)), 'JPEG'), [RED] * 2),
            (pack(Image.new('CMYK', (8, 8), (0, 255, 255, 0)), 'TIFF'), [RED] * 2),
            (pack(Image.new('RGB', (8, 8), RED).convert('YCbCr'), 'TIFF'), [RED] * 2),
            (pack(Image.new('RGB', (8, 8), RED).convert('LAB'), 'TIFF'), [RED] * 2),
        ]:
            image = convert(content)
            for x, colour in enumerate(expected):
                self.assertColour(image, (x, 0), colour, tolerance=5)

    def test_sixteen_bits_become_the_eight_that_count(self):
        image = Image.frombytes('I;16', (4, 1), struct.pack('<4H', 0, 0x1234, 0x80FF, 0xFFFF))
        for format in ['PNG', 'TIFF']:
            converted = convert(pack(image, format))
            for x, shade in enumerate([0, 0x12, 0x80, 0xFF]):
                self.assertColour(converted, (x, 0), (shade,) * 3, tolerance=5)

    def test_what_is_transparent_stays_so(self):
        image = Image.new('P', (2, 1), 0)
        image.putpalette([*RED, *GREEN])
        image.putpixel((1, 0), 1)
        for content in [pack(image, 'PNG', transparency=0), pack(image, 'GIF', transparency=0)]:
            converted = convert(content)
            self.assertEqual(converted.getpixel((0, 0))[3], 0)
            self.assertEqual(converted.getpixel((1, 0)), (*GREEN, 255))

    def test_what_is_transparent_does_not_show_at_the_edges_of_what_is_scaled(self):
        image = Image.new('RGBA', (4096, 64), (*GREEN, 0))
        image.paste((*RED, 255), (0, 0, 2047, 64))
        self.assertColour(convert(pack(image)), (1023, 9), (*RED, 128), tolerance=9)
        grey = Image.new('L', (4096, 64), 0)
        grey.paste(200, (0, 0, 2047, 64))
        image = convert(pack(grey, transparency=0))
        self.assertColour(image, (1023, 9), (200, 200, 200, 128), tolerance=9)

    def test_what_has_few_colours_gets_those_between_where_it_is_scaled(self):
        image = Image.new('1', (4096, 64))
        for x in range(0, 4096, 2):
            image.paste(1, (x, 0, x + 1, 64))
        for stripes in [image, image.convert('P')]:
            self.assertColour(convert(pack(stripes)), (999, 9), GREY, tolerance=9)

    def test_the_colours_of_another_profile_become_those_of_a_page(self):
        picture = Image.new('RGB', (16, 16), RED)
        for image, format in [
            (picture, 'PNG'),
            (picture, 'JPEG'),
            (picture, 'WEBP'),
            (picture, 'AVIF'),
            (picture, 'TIFF'),
            (picture.quantize(2), 'PNG'),
        ]:
            content = pack(image, format, icc_profile=make_swapping_profile())
            self.assertColour(convert(content), (5, 5), GREEN, tolerance=9)
        content = pack(Image.new('RGBA', (9, 9), (*RED, 99)), icc_profile=make_swapping_profile())
        self.assertColour(convert(content), (5, 5), (*GREEN, 99))

    def test_shades_of_grey_have_profiles_too(self):
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
        tags = struct.pack('>L4s2L4s2L', 2, b'wtpt', 156, 20, b'kTRC', 176, 12)
        white, linear = struct.pack('>8s3L', b'XYZ ', 63190, 65536, 54061), b'curv' + bytes(8)
        profile = struct.pack('>L', 188) + srgb[4:16] + b'GRAY' + srgb[20:128]
        content = pack(Image.new('L', (9, 9), 128), icc_profile=profile + tags + white + linear)
        self.assertColour(convert(content), (5, 5), (188, 188, 188))

    def test_the_profile_of_a_page_changes_nothing(self):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
        for image in [draw_quarters(), draw_quarters().convert('RGBA')]:
            content = pack(image, icc_profile=profile)
            self.assertLooksLike(convert(content).convert('RGB'), draw_quarters())

    def test_a_profile_that_is_broken_or_of_other_colours_is_ignored(self):
        for profile in [b'nonsense', make_swapping_profile()[:200], make_swapping_profile()]:
            image = convert(pack(Image.new('L', (9, 9), 99), icc_profile=profile))
            self.assertColour(image, (5, 5), (99, 99, 99))


class MetadataTest(PictureTestCase):
    def test_nothing_is_told_but_the_picture(self):
        text = PngImagePlugin.PngInfo()
        text.add_text('Comment', 'secret')
        text.add_itxt('XML:com.adobe.xmp', 'secret')
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
        told = {'xmp': b'secret', 'icc_profile': profile}
        for format, settings in [
            ('JPEG', {**told, 'comment': b'secret'}),
            ('PNG', {**told, 'pnginfo': text}),
            ('WEBP', told),
            ('AVIF', told),
            ('GIF', {'comment': b'secret'}),
            ('TIFF', told),
        ]:
            for image in [draw_quarters(), draw_noise()]:
                with self.subTest(format=format):
                    self.assertTellsNothing(pack(image, format, exif=make_exif(1), **settings))

    def test_what_is_transparent_hides_nothing(self):
        image = draw_noise().convert('RGBA')
        image.putalpha(Image.new('L', image.size, 0))
        self.assertEqual(convert(pack(image)).convert('RGB').getextrema(), ((0, 0),) * 3)


class RefusalTest(PictureTestCase):
    def test_an_empty_file_is_refused(self):
        self.assertRefused(b'', 'empty')

    def test_what_is_no_picture_is_refused(self):
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
        film = b'\0\0\0\x20ftypisom' + bytes(99)
        for content in [b'x', b'Hello', svg, film, bytes(999), b'%!PS-Adobe-3.0 EPSF-3.0\n']:
            self.assertRefused(content, 'JPEG, PNG')

    def test_a_format_that_is_not_allowed_is_refused(self):
        for format in ['PPM', 'EPS', 'ICO', 'TGA', 'JPEG2000', 'PDF']:
            self.assertRefused(pack(draw_quarters(), format), 'JPEG, PNG')

    def test_who_sends_heic_is_told_what_to_do(self):
        for brand in [b'heic', b'heix', b'hevc', b'mif1', b'msf1']:
            content = b'\0\0\0\x18ftyp' + brand + b'\0\0\0\0mif1heic' + bytes(99)
            self.assertRefused(content, 'HEIC')

    def test_what_is_not_complete_is_refused(self):
        for format in FORMATS:
            content = pack(draw_noise(), format)
            for part in [0.3, 0.6, 0.9]:
                with self.subTest(format=format, part=part):
                    self.assertRefused(content[: int(len(content) * part)], '')
            self.assertRefused(content[: len(content) * 9 // 10], ' ')

    def test_what_is_broken_is_refused_or_read(self):
        for format in FORMATS:
            content = pack(draw_noise(), format)
            for at in range(0, len(content), len(content) // 9):
                broken = content[:at] + b'\xff\0\x80' + content[at + 3 :]
                with self.subTest(format=format, at=at), contextlib.suppress(ValueError):
                    pictures.convert_picture(io.BytesIO(broken))

    def test_a_file_of_over_twenty_megabytes_is_refused_unread(self):
        content = pack(draw_quarters(), 'BMP')
        content += bytes(pictures.MAX_SIZE - len(content))
        convert(content)
        file = io.BytesIO(content + bytes(999))
        with self.assertRaisesRegex(ValueError, 'over 20 MB'):
            pictures.convert_picture(file)
        self.assertEqual(file.tell(), pictures.MAX_SIZE + 1)

    def test_too_many_pixels_are_refused(self):
        for content in [
            make_png(30_000, 30_000),
            make_png(8000, 5000),
            resize_jpeg(pack(draw_noise(), 'JPEG'), 65_000, 65_000),
            resize_jpeg(pack(draw_noise(), 'JPEG', progressive=True), 8000, 5000),
            pack(Image.new('1', (8000, 5000)), 'TIFF', compression='group4'),
            pack(Image.new('P', (8000, 5000)), 'GIF'),
            pack(Image.new('RGB', (5000, 4000)), 'WEBP', lossless=True),
            pack(Image.new('1', (1, 3_000_000)), 'TIFF', compression='group4'),  # of rows
        ]:
            self.assertRefused(content, 'pixels')

    def test_a_large_photo_is_refused_whose_parts_would_all_be_in_memory_at_once(self):
        """The colours in scans of their own, as progressive ones have, say nothing of it."""
        content = resize_jpeg(pack(draw_noise(), 'JPEG'), 8000, 5000)
        at = content.index(b'\xff\xda')
        one = b'\xff\xda' + struct.pack('>H4B', 8, 1, 1, 0, 0) + content[at + 12 : at + 14]
        self.assertRefused(content[:at] + one + content[at + 14 :], 'pixels')

    def test_what_unfolds_to_much_is_refused(self):
        much = zlib.compress(bytes(2_000_000))
        some = zlib.compress(bytes(900_000))
        for chunk in [
            make_chunk(b'iCCP', b'ICC\0\0' + much),
            make_chunk(b'zTXt', b'Text\0\0' + much),
            make_chunk(b'zTXt', b'\0\0' + some) * 300,
            make_chunk(b'iTXt', b'Text\0\1\0\xff\0\0' + some) * 300,
            make_chunk(b'iCCP', b'ICC\0\0' + some) * 300,
        ]:
            self.assertRefused(make_png(9, 9, chunk), 'broken')

    def test_half_a_million_tiles_are_read_as_soon_as_one(self):
        count = 500_000
        tags = [(256, 1000), (257, 500), (258, 8), (259, 1), (262, 1), (277, 1), (322, 1), (323, 1)]
        entries = [(tag, 4, 1, value) for tag, value in tags]
        offsets = 8 + 2 + 12 * 10 + 4
        entries += [(324, 4, count, offsets), (325, 4, count, offsets + 4 * count)]
        tags = b''.join(struct.pack('<2H2L', *entry) for entry in entries)
        head = struct.pack('<4s2H', b'II*\0', 8, 0) + struct.pack('<H', len(entries))
        content = head + tags + bytes(4) + b'\x08\0\0\0' * count + b'\1\0\0\0' * count
        start = time.thread_time()
        self.assertEqual(convert(content).size, (1000, 500))
        self.assertLess(time.thread_time() - start, 2)

    def test_an_animation_of_hundreds_of_comments_is_refused(self):
        content = pack(draw_quarters(), 'GIF', comment=b'x')
        at = content.index(b'!\xfe')
        self.assertRefused(content[:at] + b'!\xfe\1x\0' * 300 + content[at:], 'broken')

    def test_a_photo_of_hundreds_of_parts_is_refused(self):
        content = pack(draw_noise(), 'JPEG', progressive=True)
        exif = b'\xff\xe1\0\x09Exif\0\0x' * 300
        self.assertRefused(content[:2] + exif + content[2:], 'broken')
        at = content.rindex(b'\xff\xda')
        self.assertRefused(content[:at] + content[at:-2] * 300 + content[-2:], 'broken')


class AnimationTest(PictureTestCase):
    def draw_frames(self, width=64, height=48):
        """Return three frames with a red spot that moves on nothing."""
        frames = [Image.new('RGBA', (width, height), (0, 0, 0, 0)) for _ in range(3)]
        for number, frame in enumerate(frames):
            box = [number * width // 3, 0, (number + 1) * width // 3 - 2, height - 1]
            ImageDraw.Draw(frame).ellipse(box, RED)
        return frames

    def pack_frames(self, frames, format='GIF', **settings):
        settings = {'duration': [70, 200, 1000], **settings}
        return pack(frames[0], format, save_all=True, append_images=frames[1:], **settings)

    def list_frames(self, film):
        """Return the frames of an animation and how many milliseconds each is seen."""
        frames, durations = [], []
        for number in range(film.n_frames):
            film.seek(number)
            frames.append(film.convert('RGBA'))
            durations.append(film.info['duration'])
        return frames, durations

    def test_an_animation_of_each_format_stays_one(self):
        for format, settings in [
            ('GIF', {'disposal': 2}),
            ('PNG', {'disposal': 1}),
            ('WEBP', {}),
            ('AVIF', {'quality': 90}),
        ]:
            with self.subTest(format=format):
                film = convert(self.pack_frames(self.draw_frames(), format, **settings))
                self.assertEqual(film.info['background'], (0, 0, 0, 0))
                frames, durations = self.list_frames(film)
                self.assertEqual(durations, [70, 200, 1000])
                for frame, expected in zip(frames, self.draw_frames(), strict=True):
                    for x in [10, 30, 50]:
                        alpha = expected.getpixel((x, 20))[3]
                        self.assertAlmostEqual(frame.getpixel((x, 20))[3], alpha, delta=5)
                        if alpha:
                            self.assertColour(frame, (x, 20), (*RED, 255), tolerance=9)

    def test_an_animation_without_transparency_has_none(self):
        frames = [draw_quarters(), draw_noise(), draw_quarters().transpose(1)]
        film = convert(self.pack_frames(frames, disposal=1))
        frames, _ = self.list_frames(film)
        self.assertQuarters(frames[0].convert('RGB'))
        self.assertEqual({frame.getchannel(3).getextrema() for frame in frames}, {(255, 255)})

    def test_an_animation_is_scaled_upright_and_in_the_colours_of_a_page(self):
        frames = [frame.convert('RGB') for frame in self.draw_frames(3000, 100)]
        profile = make_swapping_profile()
        content = self.pack_frames(frames, 'WEBP', exif=make_exif(6), icc_profile=profile)
        film = convert(content)
        self.assertEqual(film.size, (68, 2048))
        self.assertEqual(film.n_frames, 3)
        self.assertColour(film.convert('RGB'), (34, 300), GREEN, tolerance=20)

    def test_an_animation_is_repeated_as_often_as_it_was(self):
        for format, settings, plays in [
            ('GIF', {}, 1),
            ('GIF', {'loop': 0}, 0),
            ('GIF', {'loop': 2}, 3),  # which are the repetitions
            ('GIF', {'loop': 65535}, 65535),
            ('PNG', {'loop': 0}, 0),
            ('PNG', {'loop': 2}, 2),
            ('PNG', {'loop': 10**6}, 65535),
            ('WEBP', {'loop': 2}, 2),
            ('AVIF', {}, 0),
        ]:
            with self.subTest(format=format, settings=settings):
                film = convert(self.pack_frames(self.draw_frames(), format, **settings))
                self.assertEqual(film.info['loop'], plays)

    def test_frames_without_a_time_are_seen_as_long_as_browsers_show_them(self):
        content = self.pack_frames(self.draw_frames(), duration=[0, 10, 20])
        _, durations = self.list_frames(convert(content))
        self.assertEqual(durations, [100, 100, 20])

    def test_what_stands_in_for_an_animation_is_no_part_of_it(self):
        frames = [draw_noise().convert('RGBA'), *self.draw_frames()]
        content = self.pack_frames(frames, 'PNG', default_image=True)
        film = convert(content)
        self.assertEqual(film.n_frames, 3)
        self.assertColour(film.convert('RGB'), (10, 20), RED, tolerance=9)

    def test_an_animation_tells_nothing_but_its_frames(self):
        for format, settings in [
            ('GIF', {'comment': b'secret'}),
            ('PNG', {'exif': make_exif(1)}),
            ('WEBP', {'exif': make_exif(1), 'xmp': b'secret'}),
            ('AVIF', {'exif': make_exif(1), 'xmp': b'secret'}),
        ]:
            with self.subTest(format=format):
                self.assertTellsNothing(self.pack_frames(self.draw_frames(), format, **settings))

    def test_what_stays_the_same_in_an_animation_is_stored_once(self):
        frames = [draw_noise() for _ in range(12)]
        for number, frame in enumerate(frames):
            frame.paste(RED, (number * 5, 9, number * 5 + 5, 14))
        content = self.pack_frames(frames, 'PNG', duration=99)
        film, *_ = pictures.convert_picture(io.BytesIO(content))
        first, *_ = pictures.convert_picture(io.BytesIO(pack(frames[0])))
        self.assertLess(len(film), 2.5 * len(first))

    def test_what_was_sharp_in_an_animation_stays_sharp(self):
        frames = [draw_quarters(), draw_quarters().transpose(1)]
        content = self.pack_frames(frames, duration=99)
        self.assertLooksLike(convert(content), frames[0])

    def test_an_animation_gives_the_same_bytes_each_time(self):
        content = self.pack_frames(self.draw_frames())
        films = {pictures.convert_picture(io.BytesIO(content)) for _ in range(3)}
        self.assertEqual(len(films), 1)

    def test_an_animation_of_too_many_frames_is_refused(self):
        self.assertRefused(make_gif(1000, 1000, 10_000), 'animation')
        self.assertRefused(make_gif(9, 9, 30_000), 'animation')
        self.assertRefused(make_gif(3000, 3000, 2), 'pixels')

    def test_an_animation_that_takes_too_long_is_refused(self):
        with mock.patch.object(pictures, 'MAX_TIME', 0):
            self.assertRefused(self.pack_frames(self.draw_frames()), 'animation')

    def test_a_frame_that_is_larger_than_the_first_is_refused_before_it_is_in_memory(self):
        disposal = b'!\xf9\4\x09\0\0\0\0'  # for which Pillow fills a rectangle as large
        for side, cause in [(5000, type(None)), (12_000, Image.DecompressionBombError)]:
            content = make_gif(9, 9, 2)
            at = content.rindex(b',')
            frame = b',' + struct.pack('<4H', 0, 0, side, side) + content[at + 9 :]
            self.assertIsInstance(
                self.assertRefused(content[:at] + disposal + frame, 'broken'), cause
            )

    def test_an_animation_that_is_not_complete_is_refused(self):
        for format in ['GIF', 'PNG', 'WEBP', 'AVIF']:
            with self.subTest(format=format):
                content = self.pack_frames([draw_quarters(), draw_noise()] * 2, format, duration=99)
                self.assertRefused(content[: len(content) * 9 // 10], ' ')


class SizeOfWebpTest(PictureTestCase):
    def test_the_size_of_a_converted_picture_can_be_read(self):
        transparent = draw_noise(99, 50).convert('RGBA')
        transparent.putpixel((0, 0), (0, 0, 0, 0))
        film = pack(draw_quarters(), 'GIF', save_all=True, append_images=[transparent])
        for content in [pack(draw_quarters()), pack(draw_noise()), pack(transparent), film]:
            content, *size = pictures.convert_picture(io.BytesIO(content))
            self.assertEqual(pictures.read_size(content), tuple(size))

    def test_what_convert_picture_cannot_have_made_is_refused(self):
        webp, *_ = pictures.convert_picture(io.BytesIO(pack(draw_noise())))
        told = pack(draw_quarters(), 'WEBP', exif=make_exif(1))
        film = pack(draw_quarters(), 'WEBP', save_all=True, append_images=[draw_noise()])
        at = film.rindex(b'VP8 ')
        told_in_frame = film[:at] + b'EXIF' + film[at + 4 :]
        for content in [
            b'', b'Hello', webp[:12], webp[:-9], b'RIFX' + webp[4:], webp + b'more', told,
            told_in_frame, pack(draw_quarters()), pack(draw_quarters(), 'JPEG'),
        ]:  # fmt: skip
            with self.subTest(content=content[:40]), self.assertRaises(ValueError):
                pictures.read_size(content)
