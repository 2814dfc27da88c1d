"""Where a manifest keeps its modules' content, in its three layouts (spec F.5, E.8)."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.problem import ManifestError
from edge_runtime.manifest.text_file import JsonFile


@dataclass(frozen=True, slots=True)
class Content:
    """`modules` is the modulesContent object; `layered` when it stood inside `content`."""

    modules: Node
    layered: bool

    def desired(self, module: str) -> Node | None:
        """The desired properties of one module, dotted names resolved into one tree of the same nodes."""
        twin = self.modules.get(module)
        if twin is None:
            return None
        tree = Node({}, twin.start, twin.end, twin.key)
        for name, node in twin.members.items():
            _graft(tree, name.split("."), node)
        return tree.get("properties", "desired")


def content_of(file: JsonFile) -> Content:
    """Find the modules' content. Raises ManifestError when the file has none."""
    for path, layered in (
        (("modulesContent",), False),
        (("moduleContent",), False),
        (("content", "modulesContent"), True),
    ):
        node = file.root.get(*path)
        if node is not None and isinstance(node.value, dict):
            return Content(node, layered)
    what = "no deployment manifest: it has no object 'modulesContent'"
    raise ManifestError([*file.problems, file.problem(rules.MANIFEST_CONTENT, file.root.start, what)])


def _graft(tree: Node, path: list[str], node: Node) -> None:
    for step in path[:-1]:
        child = tree.members.get(step)
        if child is None or not isinstance(child.value, dict):
            child = tree.members[step] = Node({}, node.start, node.end, node.key)
        else:
            # A copy takes the graft: the file's own tree stays as it is written.
            child = tree.members[step] = Node(dict(child.value), child.start, child.end, child.key)
        tree = child
    tree.members[path[-1]] = node
