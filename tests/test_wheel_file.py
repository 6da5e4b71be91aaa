"""The package as a wheel, out of its own files."""
import zipfile

from jetbot_mlp import remote_package
from jetbot_mlp.wheel_file import NAME, package_sources, write_wheel


def test_the_same_files_give_the_same_wheel_and_its_fingerprint_is_that_of_the_files(tmp_path):
    (tmp_path / "again").mkdir()
    path, fingerprint = write_wheel(str(tmp_path))
    other, _ = write_wheel(str(tmp_path / "again"))
    with open(path, "rb") as one, open(other, "rb") as two:
        assert one.read() == two.read()
    assert path.endswith(NAME)
    assert remote_package.fingerprint(remote_package.wheel_sources(path)) == fingerprint
    assert remote_package.fingerprint(package_sources()) == fingerprint
    with zipfile.ZipFile(path) as archive:
        assert "jetbot_mlp/__main__.py" in archive.namelist() and archive.testzip() is None
