"""Optimizers and schedules, row-sparse updates, gradient clipping, and class weights."""
