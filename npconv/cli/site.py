"""`npconv site`: the docs as a site, whose pages run Python in the reader's browser where Pyodide is there."""

import argparse

from .shared import Commands, Folder, Whole

PORT = Whole(0, 65535)


def add_parser(commands: Commands) -> None:
    """Add `npconv site`."""
    site = commands.add_parser("site", help="the docs as a site, which can run its code in the reader's browser")
    site.add_argument("--out", required=True, type=Folder(), metavar="DIR", help="the folder of the site")
    site.add_argument(
        "--pyodide", type=folder_or_address, metavar="FOLDER_OR_ADDRESS",
        help="where Pyodide's files are, for pages that run their code",
    )  # fmt: skip
    site.add_argument(
        "--serve", nargs="?", type=PORT, const=0, metavar="PORT",
        help="then serve it on this computer alone; a site that is there is built again only with --pyodide",
    )  # fmt: skip
    site.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..site.build import build_site, is_site
    from ..site.serve import serve

    if arguments.serve is None or arguments.pyodide is not None or not is_site(arguments.out):
        print("building the site …", flush=True)
        build_site(arguments.out, pyodide=arguments.pyodide)
        print(f"wrote the site to {arguments.out}", flush=True)
    else:
        print("the site that is there is served as it is; with --pyodide it is built again", flush=True)
    if arguments.serve is not None:
        serve(arguments.out, port=arguments.serve)
    return 0


def folder_or_address(text: str) -> str:
    """The type of --pyodide."""
    return text if "://" in text else Folder()(text)
