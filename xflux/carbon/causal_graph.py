"""Who acts on whom: a directed graph without cycles, and what it implies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from xflux.errors import InputError, MissingVariableError

__all__ = ["PRESETS", "CausalGraph", "Independence", "as_graph"]

#: Graphs by name, child to parents.
PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    # Of Zhu et al. (2026) with rain on the fluxes, soil temperature on respiration, and respiration
    # fed by uptake; light and dryness reach respiration through these alone.
    "default": {
        "ta": ("swin",),
        "tsoil": ("swin", "ta"),
        "vpd": ("swin", "ta", "p"),
        "gpp": ("swin", "ta", "vpd", "p", "co2"),
        "reco": ("ta", "tsoil", "p", "gpp"),
    },
    # Of Zhu et al. (2026), where every flux has a network of its own.
    "uflux": {
        "ta": ("swin",),
        "tsoil": ("swin", "ta"),
        "vpd": ("swin", "ta", "p"),
        "gpp": ("swin", "ta", "tsoil", "vpd", "co2"),
        "reco": ("swin", "ta", "tsoil", "vpd", "co2"),
    },
    # For towers: the flux that is measured, whatever splits it.
    "nee": {
        "ta": ("swin",),
        "tsoil": ("swin", "ta"),
        "vpd": ("swin", "ta", "p"),
        "nee": ("swin", "ta", "tsoil", "vpd", "p", "co2"),
    },
}


@dataclass(frozen=True)
class Independence:
    """Two nodes that the graph says tell nothing of each other, given others."""

    one: str
    other: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.one}, {self.other} | {', '.join(self.given) or 'nothing'}"


@dataclass(frozen=True)
class CausalGraph:
    """A directed graph without cycles.

    Attributes
    ----------
    links : tuple of (str, tuple of str)
        Every node with its parents; parents stand before their children.
    """

    links: tuple[tuple[str, tuple[str, ...]], ...]

    @staticmethod
    def of(parents: Mapping[str, Sequence[str]]) -> CausalGraph:
        """Make a graph of a mapping from children to parents.

        Parameters
        ----------
        parents : mapping of str to sequence of str
            Nodes that are only parents need no entry.

        Returns
        -------
        CausalGraph

        Raises
        ------
        InputError
            For a cycle, which is written out; for what is no such mapping.
        """
        given = _checked(parents)
        nodes = list(dict.fromkeys([*(p for own in given.values() for p in own), *given]))
        order: list[str] = []
        done: set[str] = set()

        def visit(node: str, below: tuple[str, ...]) -> None:
            if node in below:
                loop = (node, *below[: below.index(node) + 1])
                raise InputError(
                    f"graph has a cycle, {' -> '.join(loop)}; causes come before effects: take one "
                    "of these arrows out"
                )
            if node in done:
                return
            for parent in given.get(node, ()):
                visit(parent, (node, *below))
            done.add(node)
            order.append(node)

        for node in nodes:
            visit(node, ())
        return CausalGraph(tuple((node, given.get(node, ())) for node in order))

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, causes before effects."""
        return tuple(node for node, _ in self.links)

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the parents of a node."""
        return dict(self.links)[node]

    def ancestors(self, node: str) -> set[str]:
        """Return all nodes from which arrows lead to this one, in any number."""
        found: set[str] = set()
        for parent in self.parents(node):
            found |= {parent} | self.ancestors(parent)
        return found

    def leading_to(self, targets: Sequence[str]) -> CausalGraph:
        """Return the part of the graph that acts on some nodes.

        Raises
        ------
        InputError
            For a target that is no node.
        """
        unknown = [target for target in targets if target not in self.nodes]
        if unknown:
            raise InputError(
                f"target {', '.join(map(repr, unknown))} is no node of the graph; its nodes are "
                f"{', '.join(self.nodes)}"
            )
        kept = set(targets).union(*map(self.ancestors, targets))
        return CausalGraph(tuple(link for link in self.links if link[0] in kept))

    def without(self, *names: str) -> CausalGraph:
        """Take nodes out; what acted through them then acts directly.

        Parameters
        ----------
        *names : str

        Returns
        -------
        CausalGraph

        Raises
        ------
        InputError
            For what is no node.

        Notes
        -----
        A node between others is closed over: its parents become parents of its children. What a
        node without parents did to several others is lost, and confounds their effects.
        """
        links = dict(self.links)
        for name in names:
            if name not in links:
                raise InputError(f"{name!r} is no node of the graph; its nodes are {[*links]}")
            above = links.pop(name)
            for child, parents in links.items():
                if name in parents:
                    closed = (
                        p for parent in parents for p in (above if parent == name else [parent])
                    )
                    links[child] = tuple(dict.fromkeys(closed))
        return CausalGraph.of(links)

    def independences(self) -> list[Independence]:
        """List what the graph says is independent of what: a basis of all that it implies.

        Returns
        -------
        list of Independence
            One for each pair of nodes without an arrow, given the parents of both (the basis set
            of Shipley 2000, whose tests are independent of each other).

        References
        ----------
        Shipley, B. (2000): A new inferential test for path models based on directed acyclic
        graphs. Structural Equation Modeling 7, 206-218.
        """
        found = []
        for one, other in combinations(self.nodes, 2):
            if one not in self.parents(other):
                given = dict.fromkeys([*self.parents(one), *self.parents(other)])
                found.append(Independence(one, other, tuple(given)))
        return found

    def __str__(self) -> str:
        return "; ".join(
            f"{node} <- {', '.join(parents)}" for node, parents in self.links if parents
        )


def as_graph(graph: CausalGraph | Mapping[str, Sequence[str]] | str | None) -> CausalGraph:
    """Bring what describes a graph into one form.

    Parameters
    ----------
    graph : CausalGraph, mapping or str, optional
        Children to parents, the name of a preset, or None: the default.

    Returns
    -------
    CausalGraph

    Raises
    ------
    InputError
        For an unknown name, a cycle, or what is none of these.
    """
    if isinstance(graph, CausalGraph):
        return graph
    if graph is None:
        graph = "default"
    if isinstance(graph, str):
        if graph not in PRESETS:
            raise InputError(
                f"graph={graph!r} is not known; use {', '.join(map(repr, PRESETS))}, or a mapping "
                "of children to parents such as {'gpp': ('swin', 'ta')}"
            )
        graph = PRESETS[graph]
    return CausalGraph.of(graph)


def missing_nodes(names: Sequence[str], reasons: str) -> MissingVariableError:
    """Say which nodes the data lack, and what to do about it."""
    listed = ", ".join(map(repr, names))
    drop = ", ".join(repr(name) for name in names)
    return MissingVariableError(
        f"the graph has the nodes {listed}, which the Dataset does not hold: {reasons}; pass "
        f"names={{...}}, or leave them out with graph=as_graph(graph).without({drop}) "
        "(from xflux.carbon.causal_graph import as_graph)"
    )


def _checked(parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    if not isinstance(parents, Mapping):
        raise InputError(
            f"graph is a {type(parents).__name__}; expected a mapping of children to parents, such "
            "as {'gpp': ('swin', 'ta')}"
        )
    given: dict[str, tuple[str, ...]] = {}
    for child, own in parents.items():
        listed = (own,) if isinstance(own, str) else tuple(own)
        for name in (child, *listed):
            if not isinstance(name, str):
                raise InputError(f"graph has the node {name!r}, which is no name")
        if len(set(listed)) < len(listed):
            raise InputError(f"graph names a parent of {child!r} twice: {', '.join(listed)}")
        given[child] = listed
    if not any(given.values()):
        raise InputError("graph has no arrow; give such as {'gpp': ('swin', 'ta')}")
    return given
