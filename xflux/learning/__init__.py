"""Learners of plain rows, which refinement and allocation share: trees, kernels, cascades."""
