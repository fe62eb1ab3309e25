#!/usr/bin/env python3
"""Draws the test pictures spam-*.* and ham-*.* in this folder. They are in the public domain (CC0 1.0).

Needs Pillow and the fonts of Debian's fonts-dejavu-core. The results are committed, so that tests need neither.
"""

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
FONTS = "/usr/share/fonts/truetype/dejavu/"


def font(size, name="DejaVuSans-Bold"):
    return ImageFont.truetype(f"{FONTS}{name}.ttf", size)


FACES = ["DejaVuSans-Bold", "DejaVuSerif-Bold", "DejaVuSans", "DejaVuSerif", "DejaVuSansCondensed-Bold", "DejaVuSansMono-Bold"]
STOCK = ("WATCH THIS STOCK MONDAY! EXMP|Example Oil Corp (Symbol: EXMP)|Price today: $0.42|5-day target: $2.10|STRONG BUY! Rating: 10/10|"
         "The alert is ON. Big news expected|EXMP has discovered new fields and|analysts expect the price to explode|"
         "Get in before the rush on Monday|Do not miss this, add to your radar|Volume is up 300% over the last week").split("|")
LOAN = ("Home loans from 3.25%|No credit check! Bad credit OK|$400,000 for only $372/month|REFINANCE NOW|Apply online in 1 minute|"
        "Lenders compete for you|http://example.test|University Diplomas|No tests, no classes, no books|Call 1-206-555-0100 any time").split("|")


def image_spam(lines, seed):
    """Text as a picture, as image spam of 2006 looked: uneven sizes, loud colours, dots against text recognition."""
    chance = random.Random(seed)
    size = (chance.randrange(320, 620), chance.randrange(220, 520))
    background = (255, 255, 255) if chance.random() < 0.6 else tuple(chance.randrange(200, 256) for _ in range(3))
    image = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(image)
    base, y, face = chance.randrange(14, 30), chance.randrange(4, 20), chance.choice(FACES)
    colours = [tuple(chance.randrange(0, 220) for _ in range(3)) for _ in range(4)]
    for text in lines:
        points = int(base * chance.choice([1, 1, 1, 0.8, 1.4]))
        draw.text((chance.randrange(4, 40), y), text, font=font(points, face), fill=chance.choice(colours))
        y += int(points * 1.35)
        if y > size[1]:
            break
    for _ in range(chance.randrange(0, 800)):
        draw.point((chance.randrange(size[0]), chance.randrange(size[1])), fill=tuple(chance.randrange(256) for _ in range(3)))
    return image


def letter():
    image = Image.new("L", (794, 1123), 255)
    draw = ImageDraw.Draw(image)
    draw.text((90, 90), "Example Ltd, 1 Main Street, Springfield", font=font(15, "DejaVuSerif"), fill=30)
    draw.text((90, 220), "Contract of maintenance no. 2026/117", font=font(21, "DejaVuSerif-Bold"), fill=20)
    words = "the parties agree that the supplier shall keep the equipment named in annex A in working order for the term of this contract and answer within two working days after notice in writing".split()
    chance = random.Random(7)
    y = 280
    for paragraph in range(4):
        for _ in range(6):
            line = ""
            while len(line) < 66:
                line += chance.choice(words) + " "
            draw.text((90, y), line, font=font(15, "DejaVuSerif"), fill=25)
            y += 24
        y += 18
    draw.text((90, 1010), "Date, signature", font=font(15, "DejaVuSerif"), fill=30)
    draw.line([90, 1000, 330, 1000], fill=30)
    return image.rotate(0.4, fillcolor=255)


def chart():
    image = Image.new("RGB", (640, 420), "white")
    draw = ImageDraw.Draw(image)
    draw.text((180, 10), "Turnover by quarter (thousand)", font=font(16, "DejaVuSans"), fill=(60, 60, 60))
    for i in range(6):
        draw.line([60, 370 - 60 * i, 610, 370 - 60 * i], fill=(225, 225, 225))
        draw.text((20, 362 - 60 * i), str(20 * i), font=font(12, "DejaVuSans"), fill=(90, 90, 90))
    for i, value in enumerate([42, 55, 61, 58, 70, 83, 79, 96]):
        draw.rectangle([80 + 66 * i, 370 - 3 * value, 120 + 66 * i, 370], fill=(78, 121, 167))
        draw.text((86 + 66 * i, 378), f"Q{i % 4 + 1}", font=font(12, "DejaVuSans"), fill=(90, 90, 90))
    return image


def main():
    # Seeds at which the shipped head is sure: these pictures show the way of a message and measure nothing.
    image_spam(STOCK, 175).save(HERE / "spam-stock.gif")
    image_spam(STOCK, 151).save(HERE / "spam-stock.png")
    image_spam(LOAN, 218).save(HERE / "spam-loan.jpg", quality=80)
    letter().save(HERE / "ham-letter.png")
    chart().save(HERE / "ham-chart.png")


if __name__ == "__main__":
    main()
