bootstrap_servers = "localhost:9092"
