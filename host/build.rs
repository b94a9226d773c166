//! Embeds the web page, which `make ui` builds before.

fn main() {
    memory_serve::load_directory("../ui/dist");
}
