"""The room for looking: what officers and citizens see of cases. Nothing here moves a case."""
