from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.vision import read_image, to_png
from jupyter_edge.vision.images import ImageSource, Picture

# EXIF orientation -> what to do with an upright picture to store it so (TIFF 6.0, tag 274)
STORED = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p.transpose(1, 0, 2), 2),
    8: lambda p: np.rot90(p, -1),
}


def rotated_jpeg(picture: Picture, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](picture)))
    content = io.BytesIO()
    stored.save(content, "JPEG", quality=100, subsampling=0, exif=exif)
    return content.getvalue()


def test_a_path_its_bytes_an_array_and_a_pil_image_are_the_same_picture(quarters: Picture, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(to_png(quarters))
    with Image.open(path) as opened:
        sources: list[ImageSource] = [
            path,
            str(path),
            path.read_bytes(),
            bytearray(path.read_bytes()),
            quarters,
            opened,
        ]
        for source in sources:
            np.testing.assert_array_equal(read_image(source), quarters)


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_the_exif_rotation_is_applied_to_files_and_pil_images(quarters: Picture, orientation: int) -> None:
    content = rotated_jpeg(quarters, orientation)
    for source in (content, Image.open(io.BytesIO(content))):
        upright = read_image(source)
        assert upright.shape == quarters.shape
        for y, x in ((5, 5), (5, 55), (35, 5), (35, 55)):
            assert np.abs(upright[y, x].astype(int) - quarters[y, x]).max() < 10


def test_an_opencv_array_is_passed_reversed(quarters: Picture) -> None:
    opencv = cv2.imdecode(np.frombuffer(to_png(quarters), np.uint8), cv2.IMREAD_COLOR)
    assert opencv is not None
    assert not np.array_equal(read_image(opencv), quarters)
    np.testing.assert_array_equal(read_image(opencv[..., ::-1]), quarters)


def test_gray_becomes_three_equal_channels() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for source in (ramp, ramp[..., None], Image.fromarray(ramp), cv2.imencode(".png", ramp)[1].tobytes()):
        np.testing.assert_array_equal(read_image(source), np.dstack([ramp] * 3))


def test_sixteen_bits_become_eight() -> None:
    deep = (np.arange(256, dtype=np.uint16) << 8).reshape(16, 16) | 77
    png = cv2.imencode(".png", deep)[1].tobytes()
    for source in (deep, png, Image.open(io.BytesIO(png)), np.dstack([deep] * 3)):
        np.testing.assert_array_equal(read_image(source)[..., 0].ravel(), np.arange(256))


def test_alpha_is_dropped(quarters: Picture) -> None:
    alpha = np.dstack([quarters, np.full((40, 60), 7, np.uint8)])
    content = io.BytesIO()
    Image.fromarray(alpha).save(content, "PNG")
    for source in (alpha, Image.fromarray(alpha), content.getvalue()):
        np.testing.assert_array_equal(read_image(source), quarters)


def test_floats_from_0_to_1_and_bools_are_pictures(quarters: Picture) -> None:
    np.testing.assert_array_equal(read_image(quarters / 255), quarters)
    np.testing.assert_array_equal(read_image(quarters.astype(bool)), quarters)


def test_a_pil_image_of_floats_is_a_picture_as_its_array_is() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    picture = read_image(Image.fromarray(ramp))
    np.testing.assert_array_equal(picture[..., 0].ravel(), np.arange(256))
    np.testing.assert_array_equal(picture, read_image(ramp))


def test_a_palette_is_resolved(quarters: Picture) -> None:
    np.testing.assert_array_equal(read_image(Image.fromarray(quarters).quantize(4)), quarters)


def test_png_round_trips_every_pixel() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(to_png(noise)), noise)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.png", "There is no picture at 'nowhere.png'"),
        (b"", "There is nothing in these bytes"),
        (b"not a picture", "cannot decode these bytes"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        (np.zeros((3, 40, 60), np.uint8), "(3, 40, 60) is not a picture"),
        (np.zeros((40, 60), np.int64), "type int64"),
        (np.full((4, 4), 255.0), "floats from 0 to 1"),
        (np.full((4, 4), np.nan), "floats from 0 to 1"),
        (Image.new("F", (4, 4), 200.0), "floats from 0 to 1"),
        (Image.new("I", (4, 4), 200), "type int32"),
        (42, "not int"),
        ("https://example.org/dog.png", "https://example.org/dog.png is an address: fetch it first"),
        ("null\0byte.png", "null byte"),
    ],
)
def test_what_is_no_picture_gets_one_clear_sentence(source: object, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_image(source)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pil_image_that_pillow_cannot_read_is_refused(quarters: Picture) -> None:
    whole = to_png(quarters)
    closed = Image.open(io.BytesIO(whole))
    closed.close()
    for image in (Image.open(io.BytesIO(whole[:-30])), closed):
        with pytest.raises(InvalidInputError, match="PIL image cannot be read"):
            read_image(image)


def test_a_folder_and_a_text_file_are_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    for name in ("", "notes.png", "empty.png"):
        with pytest.raises(InvalidInputError) as caught:
            read_image(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "white.png").write_bytes(to_png(np.full((2, 3, 3), 255, np.uint8)))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_image("~/white.png").shape == (2, 3, 3)
