"""SSIM in ten lines of OpenCV, as one writes it for speed: five blurs in single precision."""

import cv2
import numpy as np


def ssim(reference, candidate):
    blur = lambda plane: cv2.GaussianBlur(plane, (11, 11), 1.5)[5:-5, 5:-5]
    x, y = reference.astype(np.float32), candidate.astype(np.float32)
    mx, my = blur(x), blur(y)
    mxx, myy, mxy = mx * mx, my * my, mx * my
    sxx, syy, sxy = blur(x * x) - mxx, blur(y * y) - myy, blur(x * y) - mxy
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mxy + c1) * (2 * sxy + c2)) / ((mxx + myy + c1) * (sxx + syy + c2))).mean())
