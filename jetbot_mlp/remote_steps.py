"""The steps of a deploy and a rollback on the robot (see `remote_script`): one function a command."""
import os
import shutil
import time

from .remote_base import Refusal, give_away, make_folders, nearest, sha256, to_disk, write_json
from .remote_drives import refuse_while_moving
from .remote_package import check, fingerprint, install, installed, wheel_sources
from .remote_versions import current, incoming, locked, manifest, numbers, path_of, point, prune, read_manifest, sweep

SPARE_BYTES = 10 * 2 ** 20  # left free on the disk


def begin(folder, token, need):
    """Room for one deploy's files; sweeps what deploys that were cut off have left."""
    own = incoming(folder, token)
    above = nearest(folder)
    make_folders(folder)
    if above != folder:
        give_away(os.path.join(above, os.path.relpath(folder, above).split(os.sep)[0]), above)
    for path in (os.path.dirname(own), os.path.join(folder, "versions")):
        make_folders(path)
    with locked(folder):
        swept = sweep(folder)
        give_away(os.path.join(folder, ".deploy"), folder)
        give_away(os.path.join(folder, "versions"), folder)
    free = shutil.disk_usage(folder).free
    if free < need + SPARE_BYTES:
        raise Refusal(f"disk full: expected {(need + SPARE_BYTES) / 1e6:.1f} MB free at {folder} there, found "
                      f"{free / 1e6:.1f} MB; delete something there")
    os.mkdir(own)
    give_away(own, folder)
    return {"incoming": own, "swept": swept}


def discard(folder, token):
    """After a failure. Under the lock: a switch whose connection was cut goes on, and is waited for."""
    with locked(folder):
        shutil.rmtree(incoming(folder, token), ignore_errors=True)
    return {}


def prove(folder, token, files, wheel, package, only, who):
    """Is everything whole, and does it compute here what the laptop computed? Changes nothing but the own folder.

    files: name -> sha256 of what was copied; wheel: its name; package: {"version", "fingerprint"} of it.
    only: the version holds the given models only, else also the current one's others. who: it comes from.
    """
    own = incoming(folder, token)
    with locked(folder, own):
        for name in files:
            if sha256(os.path.join(own, name)) != files[name]:
                raise Refusal(f"{name} did not arrive whole (its sha256 differs); deploy again")
        models = {name: files[name] for name in files if name.endswith(".npz")}
        before, kept = manifest(folder, current(folder)), []
        for name, digest in sorted((before or {"models": {}})["models"].items()):
            if name not in models and not only:
                bring(folder, own, name, digest)
                models[name] = digest
                kept.append(name)
        if wheel not in files:
            bring(folder, own, wheel, None)
        sources = wheel_sources(os.path.join(own, wheel))
        if fingerprint(sources) != package["fingerprint"]:
            raise Refusal(f"{wheel} is not the laptop's package; deploy again")
        same = (installed() or {}).get("fingerprint") == package["fingerprint"]
        results = check([os.path.join(own, name) for name in sorted(models)], None if same else
                        os.path.join(own, wheel))
        about = {"models": models, "wheel": wheel, "package": package, "from": who, "at": time.strftime("%F %T")}
        write_json(os.path.join(own, "manifest.json"), about)
        return {"models": results, "kept": kept}


def bring(folder, own, name, digest):
    """A copy of the current version's file."""
    source = os.path.join(path_of(folder, current(folder)), name)
    if digest is not None and sha256(source) != digest:
        raise Refusal(f"{name} of the current version was changed there by hand: deploy it too, or --only")
    shutil.copyfile(source, os.path.join(own, name))


def switch(folder, token):
    """Installs the package if it is another one, and makes the proven version the current one."""
    own = incoming(folder, token)
    with locked(folder, own):
        refuse_while_moving()
        about = read_manifest(own)
        if about is None:
            raise Refusal("expected a proven version, found none: another deploy came between; deploy again")
        number = current(folder)
        before = manifest(folder, number)
        if before is not None and all(before.get(key) == about[key] for key in ("models", "wheel", "package")):
            changed = install(own, about)
            shutil.rmtree(own, ignore_errors=True)
            return {"from": number, "to": number, "installed": changed, "folder": folder}
        after = max([0] + numbers(folder)) + 1
        version = path_of(folder, after)
        write_json(os.path.join(own, "manifest.json"), dict(about, number=after, before=number))
        give_away(own, folder)
        to_disk(own)
        os.rename(own, version)
        to_disk(os.path.dirname(version))
        try:
            changed = install(version, about)
            point(folder, after)
        except (Refusal, OSError):
            if current(folder) != after:
                shutil.rmtree(version, ignore_errors=True)
            raise
        prune(folder, *{after, number} - {None})
        return {"from": number, "to": after, "installed": changed, "folder": folder}


def rollback(folder, to=None):
    """Back to the version that was current before this one, or to a given one, with the package of then."""
    if not numbers(folder):
        raise Refusal(f"expected versions in {folder} there, found none; deploy first")
    with locked(folder):
        sweep(folder)
        refuse_while_moving()
        number, there = current(folder), numbers(folder)
        target = to
        if to is None:  # not simply one less: after a rollback and a new deploy that is the one that was no good
            before = (manifest(folder, number) or {}).get("before")
            lower = [n for n in there if number is not None and n < number]
            if not lower and before not in there:
                others = ", ".join(str(n) for n in there if n != number)
                found = f"only {others}; choose one with --to" if others else "none; deploy another first"
                raise Refusal(f"expected a version before the current one ({number or 'none'}) in {folder} there, "
                              f"found {found}")
            target = before if before in there else lower[-1]
        if target not in there:
            raise Refusal(f"expected one of the versions {', '.join(map(str, there))}, found {to}")
        path = path_of(folder, target)
        about = read_manifest(path)
        if about is None:
            raise Refusal(f"version {target} there is damaged (no manifest.json); choose another with --to")
        for name, digest in about["models"].items():
            if sha256(os.path.join(path, name)) != digest:
                raise Refusal(f"{name} of version {target} was changed there; choose another version with --to")
        same = (installed() or {}).get("fingerprint") == about["package"]["fingerprint"]
        results = check([os.path.join(path, name) for name in sorted(about["models"])],
                        None if same else os.path.join(path, about["wheel"]))
        changed = install(path, about)
        point(folder, target)
        return {"from": number, "to": target, "installed": changed, "package": about["package"], "models": results,
                "folder": folder}
