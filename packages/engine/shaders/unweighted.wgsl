fn weighted(i: u32, value: Part) -> Part {
  return value;
}
