"""Questions asked of the simulator: designs, calibration, evidence and audits, as tables only."""
