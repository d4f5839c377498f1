"""Our binary runs on this machine at all."""


def test_binary_tells_its_version(ours):
    assert ours("--version").ok().out.strip()
