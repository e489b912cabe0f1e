"""A task of pictures on one sheet: a row a class, what the learner is shown, a gap, what it is asked."""

import numpy as np
from PIL import Image

from data.batch import Episodes, TaskBatch
from data.errors import InputError
from data.family import EpisodeShape

GAP, BETWEEN = 2, 12  # pixels


def contact_sheet(batch: TaskBatch, shape: EpisodeShape) -> Image.Image:
    """Of the batch's first task. Raises InputError where it is not made of pictures."""
    if not isinstance(batch, Episodes) or batch.support_x.ndim != 5:
        raise InputError("These tasks are not made of pictures.", "Leave out --output.", "output")
    rows = []
    for part, count in ((batch.support_x, shape.k_shot), (batch.query_x, shape.n_query)):
        tiles = (part[0] * 255).round().byte().cpu().numpy()  # (n_way * count, channels, height, width)
        tiles = np.pad(tiles, ((0, 0), (0, 0), (0, GAP), (0, GAP)), constant_values=255)
        n, channels, height, width = tiles.shape
        grid = tiles.reshape(n // count, count, channels, height, width).transpose(0, 3, 1, 4, 2)
        rows.append(grid.reshape(n // count * height, count * width, channels))
    gap = np.full((len(rows[0]), BETWEEN, rows[0].shape[2]), 255, np.uint8)
    sheet = np.concatenate([rows[0], gap, rows[1]], 1)
    return Image.fromarray(sheet if sheet.shape[2] == 3 else sheet[..., 0])
