"""Printed tables and figures of papers: one TOML each, set beside what recorded runs measured."""
