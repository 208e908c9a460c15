"""A smaller copy of a picture, for screens that have fewer dots."""

import io

from parts.pictures import MAX_SIDE, PHOTO, TURN, save

WIDTH = 800  # pixels: as wide as most phones show a picture


def shrink_picture(content, width, height):
    """Return a copy, WIDTH pixels wide, of WebP bytes of this size (pixels), or None.

    There is none of an animation, of what convert_picture() can't have made, and none where it
    would hardly be smaller.
    """
    if width * 4 <= WIDTH * 5 or max(width, height) > MAX_SIDE:
        return None
    from PIL import Image

    try:
        with TURN, Image.open(io.BytesIO(content), formats=['WEBP']) as image:
            if image.is_animated:
                return None
            size = WIDTH, max(1, round(height * WIDTH / width))
            copy = save(image.resize(size, Image.Resampling.LANCZOS), **PHOTO)
    except Exception:  # Pillow raises nearly everything where bytes are broken
        return None
    return copy if len(copy) < len(content) else None
