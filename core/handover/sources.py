"""Where the data of each task family come from and under which licence, by the family's name. Free of torch."""

from data.language import mark

MADE_UP = mark("made up by Innerloop from a seed; no data set, and no licence to mind")
SOURCES = {
    "omniglot": mark("Omniglot, Lake et al. 2015, https://github.com/brendenlake/omniglot, MIT licence"),
    "intents": "CLINC150, Larson et al. 2019, https://github.com/clinc/oos-eval, CC BY 3.0",
    "own-texts": mark("a file of whoever trained it"),
    "doodles": MADE_UP,
    "sinusoid": MADE_UP,
    "mini_imagenet": mark(
        "mini-ImageNet, Vinyals et al. 2016, split of Ravi and Larochelle 2017; ImageNet's licence, for research"
    ),
    "cifar_fs": mark(
        "CIFAR-FS, Bertinetto et al. 2019, of CIFAR-100, https://www.cs.toronto.edu/~kriz/cifar.html; no licence stated"
    ),
    "pictures": mark(
        "pictures of one's own, imported; whoever trained it knows where they come from and their licence"
    ),
    "navigation": MADE_UP,
    "environments": mark("environments of one's own, made by a function of whoever trained it"),
    "names": mark("Unicode CLDR, by way of Babel, https://cldr.unicode.org, Unicode License v3"),
}


def source(family: str) -> str:
    """In a few words; of a family that is not listed nobody knows."""
    return SOURCES.get(family, mark("not known: ask whoever trained it"))
