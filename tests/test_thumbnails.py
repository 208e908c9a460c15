"""Smaller copies of pictures."""

import io
import unittest

from PIL import Image

from parts.thumbnails import WIDTH, shrink_picture


def make_webp(size, **settings):
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert('RGB').save(file, 'WEBP', **settings)
    return file.getvalue()


class ThumbnailTest(unittest.TestCase):
    def shrink(self, size, **settings):
        return shrink_picture(make_webp(size, **settings), *size)

    def test_a_wide_picture_gets_a_smaller_copy_of_the_same_shape(self):
        copy = self.shrink((2000, 1000))
        with Image.open(io.BytesIO(copy)) as image:
            self.assertEqual((image.format, image.size), ('WEBP', (WIDTH, WIDTH // 2)))

    def test_a_very_flat_picture_has_a_row_left(self):
        with Image.open(io.BytesIO(self.shrink((2000, 1)))) as image:
            self.assertEqual(image.size, (WIDTH, 1))

    def test_a_picture_that_is_not_much_wider_gets_none(self):
        self.assertIsNone(shrink_picture(b'never looked at', WIDTH * 5 // 4, 3000))

    def test_a_copy_that_is_no_smaller_is_none(self):
        plain = io.BytesIO()
        Image.new('RGB', (2000, 2000)).save(plain, 'WEBP', lossless=True)
        self.assertIsNone(shrink_picture(plain.getvalue(), 2000, 2000))

    def test_what_cannot_be_read_or_is_too_large_gets_none(self):
        self.assertIsNone(shrink_picture(make_webp((2000, 100))[:-100], 2000, 100))
        self.assertIsNone(shrink_picture(b'never looked at', 16000, 16000))

    def test_an_animation_gets_none(self):
        frames = [Image.new('RGB', (2000, 10), colour) for colour in ('red', 'blue')]
        file = io.BytesIO()
        frames[0].save(file, 'WEBP', save_all=True, append_images=frames[1:])
        self.assertIsNone(shrink_picture(file.getvalue(), 2000, 10))
