"""Tests of research: its pages say what the results say, its plans and candidates are whole."""
