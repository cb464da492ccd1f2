"""Features: what a row is called and made of (registry) and how it is computed from a panel (build).

Nothing here is fitted: preprocessing that learns travels with the model that learned it.
"""
