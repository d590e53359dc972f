"""Registration by SimpleITK, one pair of images at a time; for registration.py alone.

Numbers were chosen for the overlap of masks of 30 pairs of training images: iterations of 25 to
1,000, smoothing of the field of 1 to 3 pixels, images as they are or smoothed by 1 pixel, on one
level or on several. The plain demons with the highest overlap fold 2 % of the pixels; a little more
smoothing keeps all but .006 of it. Affine maps are found by a gradient descent on three levels.
"""

import numpy as np
import SimpleITK as sitk  # noqa: N813

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
METHODS = {
    "demons, one level": (sitk.DemonsRegistrationFilter, 300, 1.5, (1,), False),
    "demons": (sitk.DemonsRegistrationFilter, 100, 1.5, (8, 4, 2, 1), False),
    "diffeomorphic demons, one level": (
        sitk.DiffeomorphicDemonsRegistrationFilter,
        300,
        1.0,
        (1,),
        False,
    ),
    "diffeomorphic demons": (
        sitk.DiffeomorphicDemonsRegistrationFilter,
        50,
        1.0,
        (8, 4, 2, 1),
        False,
    ),
    "affine and diffeomorphic demons": (
        sitk.DiffeomorphicDemonsRegistrationFilter,
        50,
        1.0,
        (1,),
        True,
    ),
}
"""Filter, iterations on every level, smoothing of the field in pixels, levels, affine map."""
SMOOTHING = 1.0
"""Of the images, in pixels; a level that is s times smaller has s / 2 if that is more."""


def register(moving, fixed, name):
    """Return the displacement by which an image is warped to another; shape (2, height, width)."""
    demons, n_iter, smoothing, levels, is_affine = METHODS[name]
    moving, fixed = sitk.GetImageFromArray(moving), sitk.GetImageFromArray(fixed)
    maps = []
    if is_affine:
        maps.append(find_affine_map(moving, fixed))
        moving = sitk.Resample(moving, fixed, maps[0], sitk.sitkLinear, 0.0)
    step = demons()
    step.SetNumberOfIterations(n_iter)
    step.SetSmoothDisplacementField(True)
    step.SetStandardDeviations(smoothing)
    field = None
    for level in levels:
        images = shrink(fixed, level), shrink(moving, level)
        if field is None:
            field = step.Execute(*images)
        else:
            field = step.Execute(*images, enlarge(field, images[0]))
    field = sitk.Cast(field, sitk.sitkVectorFloat64)
    # the last one is applied first
    both = sitk.CompositeTransform([*maps, sitk.DisplacementFieldTransform(field)])
    field = sitk.TransformToDisplacementField(both, sitk.sitkVectorFloat64, fixed.GetSize())
    return np.moveaxis(sitk.GetArrayFromImage(field)[..., ::-1], -1, 0)


def find_affine_map(moving, fixed):
    """Return an affine map that takes points of the fixed image to the moving one."""
    search = sitk.ImageRegistrationMethod()
    search.SetMetricAsMeanSquares()
    search.SetInterpolator(sitk.sitkLinear)
    search.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100)
    search.SetOptimizerScalesFromPhysicalShift()
    search.SetShrinkFactorsPerLevel([4, 2, 1])
    search.SetSmoothingSigmasPerLevel([2, 1, 0])
    start = sitk.CenteredTransformInitializer(
        fixed,
        moving,
        sitk.AffineTransform(2),
        sitk.CenteredTransformInitializerFilter.GEOMETRY,
    )
    search.SetInitialTransform(start)
    return search.Execute(fixed, moving)


def shrink(image, factor):
    """Return an image that is smoothed and has fewer pixels."""
    image = sitk.DiscreteGaussian(image, max(SMOOTHING, factor / 2) ** 2)
    return sitk.Shrink(image, [factor, factor])


def enlarge(field, image):
    """Return a field at the pixels of an image; beyond its own, those of its border."""
    kind = sitk.sitkVectorFloat64
    return sitk.Resample(field, image, sitk.Transform(), sitk.sitkLinear, 0.0, kind, True)
