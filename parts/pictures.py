"""A picture as a page needs it: upright, small enough, WebP, and not telling where it was made."""

import contextlib
import io
import threading
import time

MAX_SIZE = 20 * 2**20  # bytes of what is sent
MAX_SIDE = 2048  # pixels: as wide as a page on a screen of two dots to the pixel
MAX_PIXELS = 32_000_000  # that are in memory at once, each with up to ten bytes
MAX_PHOTO = 250_000_000  # pixels of a JPEG that is decoded at a smaller size
MAX_FILM = 250_000_000  # pixels of all frames of an animation together
MAX_TIME = 10  # seconds of a processor that an animation may take
MAX_PARTS = 200  # of a file, of kinds that can take Pillow much time or memory each
PARTS = {b'\xff\xd8': [b'Exif\0'], b'\x89P': [b'iCCP', b'iTXt', b'zTXt'], b'GI': [b'\0!\xfe']}

CHUNKS = {b'VP8 ', b'VP8L', b'VP8X', b'ALPH', b'ANIM', b'ANMF'}  # of WebP, without metadata
PHOTO = {'quality': 80, 'method': 4}  # looks as a JPEG of 83 does, and is a quarter smaller
SHARP = {'lossless': True, 'quality': 75, 'method': 4}  # 76 can take thrice the time
# Without key frames, as in a GIF: they would double the time and quadruple the bytes.
FILM = {**PHOTO, 'method': 2, 'allow_mixed': True, 'kmin': 0, 'kmax': 0, 'background': (0,) * 4}

BROKEN = 'The picture is broken or not complete: save it once more, and choose that'
UNKNOWN = 'No picture is found in it: choose a whole JPEG, PNG, GIF, WebP, AVIF, BMP or TIFF'
HEIC = 'Browsers show no HEIC: choose the picture on the phone itself, or save it as JPEG'
TOO_MANY_PIXELS = 'The picture has too many pixels: make it smaller first'
TOO_LONG = 'The animation is too long: make it shorter or smaller first'
TURN = threading.Lock()  # one picture at a time: several need no more memory than one


class Refusal(ValueError):
    """Says to the person who sent a picture, in one sentence, why it can't be taken."""


def check(is_so, reason):
    """Refuse a picture for a reason, unless this is so."""
    if not is_so:
        raise Refusal(reason)


def open_photo(content):
    """Return Pillow's image of a JPEG file, to be decoded at about the size that is needed."""
    from PIL import JpegImagePlugin

    file = io.BytesIO(content)
    # Image.open() would refuse 200 megapixels, and take two photos in one for a film.
    image = JpegImagePlugin.JpegImageFile(file)
    # If the first scan, whose head has just been read, lacks a colour or is a rough one,
    # libjpeg keeps the whole photo in memory, else some lines of it.
    colours = content[file.tell() - 2 * image.layers - 4]
    is_in_lines = colours == image.layers and 'progressive' not in image.info
    check(is_in_lines or content.count(b'\xff\xda') <= MAX_PARTS, BROKEN)
    pixels = image.width * image.height
    check(pixels <= (MAX_PHOTO if is_in_lines else MAX_PIXELS), TOO_MANY_PIXELS)
    image.draft(None, fit(image.size))
    return image


def open_picture(content):
    """Return Pillow's image of a file; nothing of it is decoded yet."""
    from PIL import Image, TiffImagePlugin, UnidentifiedImageError

    parts = PARTS.get(content[:2], [])
    check(all(content.count(part) <= MAX_PARTS for part in parts), BROKEN)
    if content.startswith(b'\xff\xd8\xff'):
        return open_photo(content)
    # Both are the same at each call, so that threads can't disagree.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    TiffImagePlugin.READ_LIBTIFF = True  # or Pillow would list the tiles, which can be millions
    formats = ['PNG', 'GIF', 'WEBP', 'AVIF', 'BMP', 'TIFF']  # none needs another program
    try:
        return Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise Refusal(TOO_MANY_PIXELS) from error
    except UnidentifiedImageError as error:
        is_heic = content[4:].startswith((b'ftyphe', b'ftypmif1', b'ftypmsf1'))
        raise Refusal(HEIC if is_heic else UNKNOWN) from error


def fit(size):
    """Return the size in pixels that a picture of this size is scaled to."""
    scale = min(1, MAX_SIDE / max(size))
    return tuple(max(1, round(side * scale)) for side in size)


def paint(image):
    """Return a new image as readers see the one, or its frame: upright, scaled, in sRGB."""
    from PIL import Image, ImageCms, ImageOps

    image.load()
    mode = 'RGBA' if image.has_transparency_data else 'RGB'
    if image.mode.startswith('I'):  # of 16 bits, which convert() would cut off at 255
        image = image.convert('I').point(lambda shade: shade / 256).convert('L')
    if image.mode in ('1', 'P', 'PA') or 'transparency' in image.info:  # can't be scaled well
        image = image.convert(mode)
    image = image.resize(fit(image.size), Image.Resampling.LANCZOS)
    with contextlib.suppress(Exception):  # of broken EXIF, which says nothing
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode not in ('L', 'CMYK'):  # which have profiles of their own
        image = image.convert(mode)
    with contextlib.suppress(KeyError, ImageCms.PyCMSError):  # none, or one that is broken
        profile, srgb = io.BytesIO(image.info['icc_profile']), ImageCms.createProfile('sRGB')
        image = ImageCms.profileToProfile(image, profile, srgb, outputMode=mode)
    return image.convert(mode)


class Film:
    """An animation: its `first` frame, and the others, each made when Pillow comes to save it."""

    def __init__(self, image):
        start = 1 if getattr(image, 'default_image', False) else 0  # which isn't in the film
        self.numbers = iter(range(start, image.n_frames))
        self.n_frames = image.n_frames - start - 1  # that are left after the first
        self.image, self.canvas, self.durations = image, image.size, []
        self.end = time.thread_time() + MAX_TIME
        self.seek(0)
        self.first = self.frame

    def seek(self, _):
        self.image.seek(next(self.numbers))
        check(self.image.size == self.canvas, BROKEN)
        check(time.thread_time() < self.end, TOO_LONG)
        self.frame = paint(self.image)
        duration = self.image.info.get('duration', 0)  # in milliseconds
        self.durations.append(duration if duration > 10 else 100)  # as browsers do

    def __getattr__(self, name):
        return getattr(self.frame, name)


def save(image, **settings):
    """Return the bytes of an image as WebP, without what Pillow knows about it."""
    file = io.BytesIO()
    image.save(file, 'WEBP', **settings)
    return file.getvalue()


def encode(image):
    """Return the WebP bytes of an opened picture or animation, and its width and height."""
    count = image.n_frames if image.format in ('GIF', 'PNG', 'WEBP', 'AVIF') else 1
    pixels = max(image.width, 16) * image.height  # each row has a place in memory too
    # For a pixel, the decoders of WebP and AVIF take twice the memory, and films four times.
    weight = 4 if count > 1 else 2 if image.format in ('WEBP', 'AVIF') else 1
    check(pixels * weight <= MAX_PIXELS, TOO_MANY_PIXELS)
    check(max(pixels, 10_000) * count <= MAX_FILM, TOO_LONG)  # each frame takes some time too
    if count > 1:
        return encode_film(image)
    painted = paint(image)
    content = save(painted, **PHOTO)
    if image.format != 'JPEG':  # of which nothing is sharp that could stay so
        content = min(save(painted, **SHARP), content, key=len)
    return content, *painted.size


def encode_film(image):
    """Return the WebP bytes of an opened animation, and its width and height."""
    plays = image.info.get('loop') or 0  # without end
    if image.format == 'GIF' and image.info.get('loop') != 0:
        plays += 1  # a GIF says how often it is repeated
    film = Film(image)
    settings = {**FILM, 'duration': film.durations, 'loop': min(plays, 65535)}
    content = save(film.first, save_all=True, append_images=[film], **settings)
    return content, *film.first.size


def convert_picture(file):
    """Return the WebP bytes, the width and the height (pixels) of a picture.

    `file` is a binary stream of what was sent. ValueError says in one sentence what is wrong.
    """
    content = file.read(MAX_SIZE + 1)
    check(content, 'The file is empty: choose the picture once more')
    check(len(content) <= MAX_SIZE, 'The picture is over 20 MB: make it smaller first')
    try:
        with TURN, open_picture(content) as image:
            return encode(image)
    except Refusal:
        raise
    except Exception as error:  # Pillow raises nearly everything where bytes are broken
        raise Refusal(BROKEN) from error


def read_size(content):
    """Return the width and height (pixels) of WebP bytes that convert_picture() made.

    ValueError where they have been changed to something else, or tell more than a picture.
    """
    from PIL import Image

    at = 12  # after the head of the file
    while at < len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], 'little')
        check(name in CHUNKS, BROKEN)
        at += 8 + (16 if name == b'ANMF' else length + length % 2)  # a frame has chunks too
    try:
        with Image.open(io.BytesIO(content), formats=['WEBP']) as image:
            return image.size
    except Exception as error:
        raise Refusal(BROKEN) from error
