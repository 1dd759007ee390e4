fn main() {}
mod security;
