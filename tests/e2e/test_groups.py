"""That browser tests are kept together: a pytest-xdist that this pytest is too new for runs them anywhere, and says nothing."""

import os

import pytest

pytestmark = pytest.mark.xdist_group("browser")


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
def test_a_group_stays_in_one_process(request):
    assert request.node.nodeid.endswith("@browser")
