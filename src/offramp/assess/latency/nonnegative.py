"""Which amounts, none below zero, explain what was measured best? Non-negative least squares, by Lawson and Hanson's active set.

Solving Least Squares Problems (1974), chapter 23. The matrices here have some dozen columns, so plain numpy does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NOTHING = 1e-9


def solve(matrix: Floats, measured: Floats) -> tuple[Floats, float]:
    """Return the amounts and the sum of squares that they leave.

    >>> amounts, left = solve(np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), np.array([3.0, 1.0, 2.0]))
    >>> amounts.round(6).tolist(), round(left, 6)
    ([2.0, 1.0], 0.0)
    >>> solve(np.array([[1.0], [1.0]]), np.array([-1.0, -1.0]))[0].tolist()
    [0.0]
    """
    lengths = np.linalg.norm(matrix, axis=0)
    unit = matrix / np.where(lengths > 0, lengths, 1.0)
    amounts, free = np.zeros(unit.shape[1]), lengths <= 0
    used = np.zeros(unit.shape[1], dtype=np.bool_)
    enough = _NOTHING * max(float(np.linalg.norm(measured)), 1.0)
    for _ in range(3 * unit.shape[1]):
        pull = np.where(used | free, -np.inf, unit.T @ (measured - unit @ amounts))
        if not len(pull) or float(pull.max()) <= enough:
            break
        used[int(np.argmax(pull))] = True
        amounts = _feasible(unit, measured, amounts, used)
        used = amounts > 0
    left = measured - unit @ amounts
    return amounts / np.where(lengths > 0, lengths, 1.0), float(left @ left)


def _feasible(unit: Floats, measured: Floats, amounts: Floats, used: NDArray[np.bool_]) -> Floats:
    """Go towards the best amounts of the columns in use, and leave out each that would fall below zero on the way."""
    used = used.copy()
    while used.any():
        wanted = np.zeros_like(amounts)
        wanted[used] = np.linalg.lstsq(unit[:, used], measured, rcond=None)[0]
        below = used & (wanted <= 0)
        if not below.any():
            return wanted
        step = float((amounts[below] / np.maximum(amounts[below] - wanted[below], _NOTHING)).min())
        amounts = np.where(used, amounts + min(step, 1.0) * (wanted - amounts), 0.0)
        reached = below & (amounts <= _NOTHING)
        # Rounding must not keep all of them a hair above zero.
        used &= ~(reached if reached.any() else below)
        amounts = np.where(used, amounts, 0.0)
    return amounts
