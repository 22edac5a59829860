"""The Python reference has every public name, and nobody lists them by hand."""

from __future__ import annotations

import inspect
import io

import resonance_helpers
from docs import reference

MODULES = [name for names in reference.GROUPS.values() for name in names]


def test_the_client_stands_first_and_no_module_twice():
    assert MODULES[0] == "resonance_helpers.client.api"
    assert len(MODULES) == len(set(MODULES))


def test_every_name_that_a_module_offers_is_described():
    for name in MODULES:
        module, page = reference.load(name), reference.page(name)
        assert [one for one in reference.names(module) if f".{one}\n" not in page] == [], name


def test_every_method_and_property_of_those_says_what_it_is():
    mute = []
    for name in MODULES:
        module = reference.load(name)
        for offered in (getattr(module, one) for one in reference.names(module)):
            for method, value in vars(offered).items() if inspect.isclass(offered) else ():
                callable_ = inspect.isroutine(value) or isinstance(value, property)
                known = method[0] == "_" or hasattr(io.IOBase, method)  # all know what a file has
                if callable_ and not known and not inspect.getdoc(getattr(offered, method)):
                    mute.append(f"{name}: {offered.__name__}.{method}")

    assert mute == []


def test_the_names_a_learner_imports_are_all_there():
    pages = "\n".join(text for _, text in reference.pages())

    assert [one for one in resonance_helpers.__all__ if f".{one}\n" not in pages] == []


def test_a_page_keeps_to_what_its_module_offers():
    page = reference.page("resonance_helpers.client.api")

    assert page.index("api.ResonanceOSAPIClient\n") < page.index("api.Authenticated")
    assert "Transport" not in page
    assert "_Auth" not in reference.page("resonance_helpers.client.auth")
