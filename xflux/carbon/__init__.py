"""Where carbon goes once it is taken up: respiration, production, pools, budgets and causes."""
