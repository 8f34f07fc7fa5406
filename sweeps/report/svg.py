"""A canvas as SVG within a page: small, themed by the page, each mark with its text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from .canvas import Canvas, Marks
from .look import BAND, GRID, INK, MUTED, NEUTRAL, PAPER, SERIES

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
THEME = {INK: "ink", MUTED: "muted", GRID: "grid", BAND: "band", PAPER: "paper"}
THEME |= {color: f"s{i}" for i, color in enumerate(SERIES)}
THEME |= {color: f"n{i}" for i, color in enumerate(NEUTRAL) if color not in THEME}
DROPPED = (f"{{{SVG}}}metadata", f"{{{SVG}}}style", f"{{{SVG}}}title")
STRETCH = 1.07  # what a figure may be drawn larger than it was made, to fill its place
LONG_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
FONT = re.compile(r"font: (?:\w+ )?([\d.]+)px [^;\"]*")
PATHS = ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform", "points")

ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def inline(canvas: Canvas, prefix: str, label: str) -> str:
    """The canvas as an ``svg`` element.

    Args:
        canvas: what was drawn.
        prefix: goes before ids, which must be unique in the page.
        label: what the figure shows, for those who cannot see it.
    """
    root = ET.fromstring(canvas.save("svg"))
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag in DROPPED]:
            parent.remove(child)
    _name_marks(root, canvas.marks)
    _rename_ids(root, prefix)
    for element in root.iter():
        _slim(element)
    width = float(root.get("viewBox", "0 0 0 0").split()[2]) * 96 / 72 * STRETCH
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"class": "chart", "role": "img", "aria-label": label, "style": f"max-width:{width:.0f}px"}
    return ET.tostring(root, encoding="unicode")


def _name_marks(root: ET.Element, marks: dict[str, Marks]) -> None:
    """Give groups their series, and every mark the text that is shown when it is pointed at."""
    for group in root.iter(f"{{{SVG}}}g"):
        known = marks.get(group.get("id", ""))
        if known is None:
            continue
        if known.series is not None:
            group.set("data-series", str(known.series))
        drawn = list(group.iter(f"{{{SVG}}}use"))
        assert not known.texts or len(drawn) == len(known.texts), "a mark lies outside of the axes"
        for use, text in zip(drawn, known.texts, strict=False):
            use.set("class", "mark")
            ET.SubElement(use, f"{{{SVG}}}title").text = text


def _rename_ids(root: ET.Element, prefix: str) -> None:
    """Keep the ids that something refers to, with a prefix, and drop the others."""
    text = ET.tostring(root, encoding="unicode")
    wanted = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in wanted:
            element.set("id", f"{prefix}-{name}")
        for attribute, value in list(element.attrib.items()):
            if attribute == f"{{{XLINK}}}href" and value.startswith("#"):
                del element.attrib[attribute]
                element.set("href", f"#{prefix}-{value[1:]}")
            elif value.startswith("url(#"):
                element.set(attribute, f"url(#{prefix}-{value[5:]}")
            elif attribute == "style" and "url(#" in value:
                element.set(attribute, value.replace("url(#", f"url(#{prefix}-"))


def _slim(element: ET.Element) -> None:
    """Round coordinates, and take colours and fonts from the page."""
    for name in PATHS:
        if name in element.attrib:
            element.set(name, LONG_NUMBER.sub(r"\1", element.attrib[name]).replace("\n", " "))
    style = element.get("style")
    if style:
        style = FONT.sub(r"font-size: \1px", LONG_NUMBER.sub(r"\1", style))
        for color, name in THEME.items():
            style = style.replace(color, f"var(--{name})")
        element.set("style", style)
