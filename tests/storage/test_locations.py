"""Names of places: what is a URL, and what lies inside or beside it."""

from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.storage import locations


@pytest.mark.parametrize(
    "place, url",
    [
        ("s3://bucket/x", True),
        ("objects://x", True),
        ("https://host/x.bed.gz?a=b", True),
        ("file:///tmp/x", False),
        ("x", False),
        ("/tmp/x:y", False),
        (Path("/tmp/s3:/x"), False),
        (Path("s3:"), False),
        ("-", False),
    ],
)
def test_is_url(place: str | Path, url: bool) -> None:
    assert locations.is_url(place) is url


def test_path__of_a_url_is_refused_by_all() -> None:
    lost = Path("s3://bucket/s.zarr")
    for use in (locations.is_url, locations.absolute, locations.local_path, locations.name_of):
        with pytest.raises(InputError, match=r"s3:/bucket/s\.zarr: a Path cannot hold a URL; give it as a s"):
            use(lost)


def test_names__of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locations.absolute("s3://b/x/") == "s3://b/x"
    assert locations.absolute("x") == locations.absolute(Path("x")) == Path.cwd() / "x"
    assert locations.absolute("file:///a/b") == Path("/a/b")
    assert locations.join("s3://b/x/", "y", "z") == "s3://b/x/y/z"
    assert locations.join("x", "y") == Path("x/y")
    assert locations.name_of("s3://b/x/model/") == "model"
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert locations.name_of("link") == "real"
    for given, expected in (("p.bed", "s3://b/conf/p.bed"), ("/data/p.bed", Path("/data/p.bed")),
                            ("http://h/p.bed", "http://h/p.bed")):  # fmt: skip
        assert locations.beside("s3://b/conf/my.yaml", given) == expected
    assert locations.beside("conf/my.yaml", "p.bed") == Path("conf/p.bed")
    assert locations.beside("conf/my.yaml", "s3://b/p.bed") == "s3://b/p.bed"
    with pytest.raises(InputError, match="expected a local folder, found a URL"):
        locations.local_path("s3://b/x")


def test_local_path__home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/some/home")
    assert locations.local_path("~/x.bed") == Path("/some/home/x.bed")
    assert locations.beside("configs/c.yaml", "~/x.bed") == Path("/some/home/x.bed")
    assert locations.local_path("a~/x") == Path("a~/x")
    with pytest.raises(InputError, match="no-such-user/x: no home folder is known"):
        locations.local_path("~no-such-user/x")
