"""Graphs of causes: order, cycles, what they imply, and nodes taken out."""

from __future__ import annotations

import pytest

from xflux.carbon.causal_graph import PRESETS, CausalGraph, as_graph
from xflux.errors import InputError


def arrows(graph: CausalGraph) -> set[tuple[str, str]]:
    return {(parent, child) for child, parents in graph.links for parent in parents}


def test_the_default_has_the_arrows_of_the_specification():
    expected = {
        ("swin", "ta"), ("swin", "tsoil"), ("swin", "vpd"), ("swin", "gpp"),
        ("ta", "tsoil"), ("ta", "vpd"), ("ta", "gpp"), ("ta", "reco"),
        ("p", "vpd"), ("p", "gpp"), ("p", "reco"),
        ("vpd", "gpp"), ("co2", "gpp"), ("tsoil", "reco"), ("gpp", "reco"),
    }  # fmt: skip
    assert arrows(as_graph(None)) == expected
    assert as_graph("default") == as_graph(None)


def test_the_graph_of_the_paper_lets_rain_act_through_dry_air_alone():
    of_rain = {child for parent, child in arrows(as_graph("uflux")) if parent == "p"}
    assert of_rain == {"vpd"}
    assert as_graph("uflux").parents("gpp") == as_graph("uflux").parents("reco")


@pytest.mark.parametrize("name", PRESETS)
def test_causes_stand_before_effects(name):
    graph = as_graph(name)
    for child, parents in graph.links:
        assert all(graph.nodes.index(p) < graph.nodes.index(child) for p in parents)


def test_a_cycle_is_written_out():
    with pytest.raises(InputError, match=r"cycle, (gpp|reco|ta) -> .* -> (gpp|reco|ta)"):
        CausalGraph.of({"gpp": ("ta",), "reco": ("gpp",), "ta": ("reco",)})
    with pytest.raises(InputError, match="gpp -> gpp"):
        CausalGraph.of({"gpp": ("gpp",)})


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("dag", "not known"),
        ([("ta", "gpp")], "list; expected a mapping"),
        ({"gpp": ("ta", "ta")}, "twice"),
        ({"gpp": ()}, "no arrow"),
        ({"gpp": (1,)}, "no name"),
    ],
)
def test_what_is_no_graph_is_refused(graph, said):
    with pytest.raises(InputError, match=said):
        as_graph(graph)


def test_a_single_parent_may_be_a_string():
    assert as_graph({"gpp": "swin"}).parents("gpp") == ("swin",)


def test_only_what_leads_to_the_targets_is_kept():
    part = as_graph(None).leading_to(["gpp"])
    assert set(part.nodes) == {"swin", "ta", "p", "vpd", "co2", "gpp"}
    with pytest.raises(InputError, match="'le' is no node"):
        as_graph(None).leading_to(["le"])


def test_what_acted_through_a_node_taken_out_acts_directly():
    graph = CausalGraph.of({"b": ("a",), "c": ("b",), "d": ("b", "c")}).without("b")
    assert arrows(graph) == {("a", "c"), ("a", "d"), ("c", "d")}
    assert arrows(as_graph(None).without("tsoil")) >= {("swin", "reco"), ("ta", "reco")}


def test_a_cause_taken_out_leaves_no_arrow():
    graph = as_graph(None).without("co2")
    assert "co2" not in graph.nodes
    assert arrows(graph) == {(p, c) for p, c in arrows(as_graph(None)) if p != "co2"}
    with pytest.raises(InputError, match="no node"):
        graph.without("co2")


def test_ancestors_are_found_through_any_number_of_arrows():
    assert as_graph(None).ancestors("reco") == {"swin", "ta", "p", "vpd", "co2", "tsoil", "gpp"}
    assert as_graph(None).ancestors("swin") == set()


@pytest.mark.parametrize(
    ("graph", "implied"),
    [
        ({"b": ("a",), "c": ("b",)}, ["a, c | b"]),
        ({"b": ("a",), "c": ("a",)}, ["b, c | a"]),
        ({"c": ("a", "b")}, ["a, b | nothing"]),
        ({"b": ("a",), "c": ("a", "b")}, []),
    ],
    ids=["chain", "fork", "collider", "complete"],
)
def test_missing_arrows_imply_independence(graph, implied):
    assert [str(test) for test in as_graph(graph).independences()] == implied
