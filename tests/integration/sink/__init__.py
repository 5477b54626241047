"""Our topics as a real Kafka Connect reads them: MongoDB's sink, Debezium's transform."""
