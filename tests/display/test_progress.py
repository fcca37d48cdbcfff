from __future__ import annotations

import io

from jupyter_edge.display import Dots


def test_a_line_grows_from_its_text_to_its_last_word() -> None:
    out = io.StringIO()
    dots = Dots("Waiting ", out=out)
    dots.tick()
    dots.tick()
    dots.end()
    assert out.getvalue() == "Waiting . ok\n"


def test_another_word_can_end_the_line() -> None:
    out = io.StringIO()
    dots = Dots("Waiting ", out=out)
    dots.tick()
    dots.end(" failed")
    assert out.getvalue() == "Waiting . failed\n"


def test_quick_work_stays_silent() -> None:
    out = io.StringIO()
    dots = Dots("Uploading ", patience=3600.0, out=out)
    dots.tick()
    dots.end()
    assert out.getvalue() == ""
