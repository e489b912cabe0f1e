"""Pictures of tasks as a page shows them: grey ones are ink on paper in the theme's colours."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

GAP = 2  # pixels between pictures of a strip
COLORS = {True: ((15, 20, 27), (229, 233, 240)), False: ((244, 246, 249), (15, 21, 35))}  # paper and ink, by dark


def dark() -> bool:
    """Whether the page is."""
    return st.context.theme.type == "dark"


def strip(images: Sequence[np.ndarray], dark: bool) -> str:
    """Pictures uint8 (channels, height, width) of one size side by side with gaps, as a PNG data address."""
    from PIL import Image

    _, height, width = images[0].shape
    whole = np.zeros((height, len(images) * (width + GAP) - GAP, 4), np.uint8)  # transparent between pictures
    for i, image in enumerate(images):
        colored = np.dstack([_colored(image, dark), np.full((height, width), 255)])
        whole[:, i * (width + GAP) : i * (width + GAP) + width] = colored
    file = io.BytesIO()
    Image.fromarray(whole).save(file, "PNG")  # the browser enlarges it without smoothing
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _colored(image: np.ndarray, dark: bool) -> np.ndarray:
    """(height, width, 3); of a grey one the ink is the picture's own brightness."""
    if len(image) != 1:
        return image.transpose(1, 2, 0)
    paper, ink = (np.array(color, float) for color in COLORS[dark])
    return paper + image[0, ..., None] / 255 * (ink - paper)
