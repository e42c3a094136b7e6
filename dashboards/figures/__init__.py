"""Figures: pure functions from tables to Plotly figures, shared by the report and the dashboard.

Knows tables, words and colors. Must not know Dash, files, runs or the simulator's classes.
"""
