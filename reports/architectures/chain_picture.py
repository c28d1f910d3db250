"""A chain drawn as a row of blocks: colour by kernel, height by weights, grouped by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.style.looks import FONT, GREY, INK, PALE, colour
from reports.style.words import text_width
from searchspaces.diagram import Block, Chain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TALLEST, LOWEST = 0.8, 0.07  # inches: heights of blocks of size 1 and 0
PITCH, GAP = 0.62, 0.1  # inches: at most from block to block, between stages
LINE = 0.2  # inches of a line of text


class ChainPicture:
    """``chain`` in ``width`` inches; ``height`` is how many it takes."""

    def __init__(self, chain: Chain, width: float):
        self.chain, self.width = chain, width
        blocks = [block for stage in chain.stages for block in stage.blocks]
        room = width - GAP * (len(chain.stages) - 1)
        self.pitch = min(PITCH, room / len(blocks))
        self.font = min(FONT, 72 * 0.85 * self.pitch)
        longest = max(text_width(block.label, self.font) for block in blocks)
        self.upright = longest > self.pitch - 0.04
        self.words = longest + 0.08 if self.upright else LINE
        self.marked = any(block.reduces for block in blocks)
        self.titled = any(stage.title for stage in chain.stages)
        self.row = self.pitch * len(blocks) + width - room
        self.height = TALLEST + self.words + LINE * (self.marked + self.titled + bool(chain.note))

    def draw(self, axes: Axes, left: float, bottom: float) -> None:
        """Onto ``axes`` in inches, with the lower left corner at a place."""
        small = {"color": GREY, "fontsize": FONT - 1, "va": "center", "parse_math": False}
        if self.chain.note:
            axes.text(left, bottom + LINE / 2, self.chain.note, **small)
        titles = bottom + LINE * bool(self.chain.note)
        foot = titles + LINE * self.titled + self.words
        x = left
        end = left + self.row - self.pitch / 2
        axes.plot([left + self.pitch / 2, end], [foot + TALLEST / 2] * 2, color=GREY, linewidth=1)
        for stage in self.chain.stages:
            width = self.pitch * len(stage.blocks)
            axes.text(x + width / 2, titles + LINE / 2, stage.title, ha="center", **small)
            if stage.title:
                ends = [x + self.pitch * 0.1, x + width - self.pitch * 0.1]
                axes.plot(ends, [titles + LINE] * 2, color=GREY, linewidth=0.8)
            for block in stage.blocks:
                self._draw_block(axes, block, x + self.pitch / 2, foot)
                x += self.pitch
            x += GAP

    def _draw_block(self, axes: Axes, block: Block, x: float, foot: float) -> None:
        """With the middle of its foot at a place, its label below and its reduction above."""
        from matplotlib.patches import Rectangle

        width, height = 0.78 * self.pitch, LOWEST + (TALLEST - LOWEST) * block.size
        corner = (x - width / 2, foot + (TALLEST - height) / 2)
        face = PALE if block.fixed else colour(block.label)
        axes.add_patch(Rectangle(corner, width, height, facecolor=face, linewidth=0, zorder=2))
        look = {"ha": "center", "color": INK, "fontsize": self.font, "parse_math": False}
        turned = {"rotation": 90} if self.upright else {}
        axes.text(x, foot - 0.05, block.label, va="top", **look, **turned)
        if block.reduces:
            axes.text(x, foot + TALLEST + LINE / 2, "÷2", va="center", **look)
