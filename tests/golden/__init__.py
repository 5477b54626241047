"""What Debezium 1.3.1 wrote for a known workload, and how our records are compared with it."""
