"""Runs the demo shop and Sonde's whole loop on one machine; ./try and the end-to-end tests are its users."""
