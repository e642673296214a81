topic "orders" {
  partitions = 6
}
