"""What the integration tests are made of: real servers, the program under test, and checks.

`mongo` and `kafka` start servers, `shardtail` runs the program, `topics` and `offsets` read what it
wrote, `comparison`, `replay` and `oplog` judge it. Everything that a test starts ends with the
test's own process, however that ends (`processes`).
"""
