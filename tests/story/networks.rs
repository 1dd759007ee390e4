//! Networks as they are changed, shared and mended: the default one, two stores on one host, name servers, firewalls.

use std::fs;

use tests::{Cmd, Result, ensure, until};

use crate::network::Town;

/// `podman network create`'s words for what cannot be.
pub(crate) fn what_a_network_cannot_be_is_refused() -> Result<()> {
    let town = Town::new()?;
    for (options, complaint) in [
        ("-d fly", "unsupported driver fly"),
        ("-o fly=1", "unsupported bridge network option fly"),
        ("-o isolate=perhaps", "failed to parse isolate option"),
        ("-o vlan=5000", "vlan ID 5000 must be between 0 and 4094"),
        (
            "-d macvlan -o parent=nowhere --subnet 10.70.0.0/24",
            "parent interface nowhere does not exist",
        ),
        ("-d ipvlan --ipam-driver dhcp", "ipvlan"),
        (
            "--ipam-driver none --subnet 10.70.0.0/24",
            "none ipam driver is set but subnets are given",
        ),
        (
            "--gateway 10.70.0.1",
            "cannot set gateway or range without subnet",
        ),
        ("--subnet 10.70.0.0/24 --ip-range 10.71.0.0/24", "10.71.0"),
        ("--route 10.0.0.0/8", "invalid route"),
        ("--dns 1.1.1.1 --disable-dns", "cannot be used together"),
    ] {
        town.rpod(&format!("network create {options} bad"))
            .exits(125)?
            .complains(complaint)?;
        town.rpod("network exists bad").exits(1)?;
    }
    Ok(())
}

/// Nothing is said of networks: the default one.
pub(crate) fn a_container_is_in_the_default_network() -> Result<()> {
    let town = Town::new()?;
    let conf = fs::read_to_string(town.stack.scratch.path("containers.conf"))?;
    let conf = conf.replace("netns = \"none\"\n", "");
    town.stack.scratch.write("default.conf", conf)?;
    let rpod = |line: &str| {
        let conf = town.stack.scratch.path("default.conf");
        town.rpod(line).env("CONTAINERS_CONF", conf)
    };
    rpod("run -d --name web -p 8080:80 alpine nc -ll -p 80 -e echo hello").ok()?;
    town.host.read("127.0.0.1", 8080).ok()?.is("hello")?;
    rpod("exec web ip -o address show eth0")
        .ok()?
        .says("10.88.")?;
    rpod("run --rm alpine cat /etc/hosts")
        .ok()?
        .says("host.containers.internal")?;
    rpod("run --rm --network host -p 8081:80 alpine true")
        .ok()?
        .complains("Port mappings have been discarded")?;
    rpod("rm -f -t 0 web").ok()?;
    Ok(())
}

/// Two stores have their default network on one bridge.
pub(crate) fn stores_on_one_host_share_its_bridges() -> Result<()> {
    let town = Town::new()?;
    let path = |name: &str| town.stack.scratch.path(name).display().to_string();
    // The last of an option that is given twice counts.
    let roots = format!("--root {} --runroot {}", path("root2"), path("runroot2"));
    let other = |line: &str| town.rpod(&format!("{roots} {line}"));
    // The registry is not on the town's host.
    let pull = format!("{roots} pull {}/alpine:latest", town.stack.registry.address);
    town.stack.rpod(&pull).ok()?;
    town.serve("one", "--network bridge -p 8080:80")?;
    let serve = "run -d --network bridge alpine nc -ll -p 80 -e echo two";
    other(&serve.replace("-d", "-d --name two")).ok()?;
    let first = town.address("one", "podman")?;
    let second = other("inspect two -f {{.NetworkSettings.IPAddress}}").ok()?;
    ensure!(first != second.text(), "both have {first}");
    ensure!(town.hears("one", second.text())? == "two");
    other("run --rm --network bridge -p 8080:80 alpine true")
        .exits(126)?
        .complains("address already in use")?;
    other(&format!(
        "run --rm --network bridge --ip {first} alpine true"
    ))
    .exits(126)?
    .complains("already allocated")?;
    other("rm -f -t 0 two").ok()?;
    town.host.read("127.0.0.1", 8080).ok()?.is("one")?;
    Ok(())
}

pub(crate) fn name_servers_of_a_network_change() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create --dns 10.9.9.9 green").ok()?;
    town.serve("web", "--network green")?;
    let servers = || -> Result<String> {
        let file = fs::read_to_string(
            town.stack
                .scratch
                .path("runroot/networks/aardvark-dns/green"),
        )?;
        Ok(file.lines().next().unwrap_or_default().to_owned())
    };
    ensure!(servers()?.ends_with(" 10.9.9.9"), "{}", servers()?);
    town.rpod("network update --dns-add 10.9.9.8 --dns-drop 10.9.9.9 green")
        .ok()?;
    ensure!(servers()?.ends_with(" 10.9.9.8"), "{}", servers()?);
    town.rpod("network inspect green --format {{.NetworkDNSServers}}")
        .ok()?
        .is("[10.9.9.8]")?;
    town.rpod("network update --dns-drop 10.9.9.1 green")
        .exits(125)?;
    town.rpod("network update green")
        .exits(125)?
        .complains("--dns-add")?;
    town.rpod("network update --dns-add 10.9.9.1 podman")
        .exits(125)?
        .complains("DNS is disabled")?;
    Ok(())
}

/// In a network that knows names they are asked by its own server, which is the only one that the container sees.
pub(crate) fn name_servers_that_a_container_asks_for() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create --subnet 10.73.0.0/24 green")
        .ok()?;
    town.rpod("run -d --name web --network green --hostname shop --dns 10.9.9.9 --dns-search lan --dns-opt debug alpine sleep 600")
        .ok()?;
    town.rpod("exec web cat /etc/resolv.conf")
        .ok()?
        .is("search lan\nnameserver 10.73.0.1\noptions debug")?;
    town.rpod("inspect web --format {{.NetworkSettings.Networks.green.Aliases}}")
        .ok()?
        .says(" shop]")?;
    let served = fs::read_to_string(
        town.stack
            .scratch
            .path("runroot/networks/aardvark-dns/green"),
    )?;
    ensure!(served.contains("10.9.9.9"), "{served}");
    let inside = town.rpod("network inspect green").ok()?;
    let containers = inside
        .stdout
        .split("\"containers\"")
        .last()
        .unwrap_or_default();
    let at = |key: &str| containers.find(key);
    ensure!(
        at("\"ipnet\"") < at("\"gateway\"") && at("\"gateway\"") < at("\"mac_address\""),
        "{inside}"
    );
    let networks = |of: &str| {
        town.rpod(&format!("create --name of-{of} --network {of} alpine"))
            .ok()?;
        town.rpod(&format!(
            "inspect of-{of} --format {{{{.NetworkSettings.Networks}}}}"
        ))
        .ok()
    };
    networks("host")?.says("map[host:map[")?;
    networks("none")?.says("map[none:map[")?;
    town.rpod("run --rm --network host alpine cat /etc/hosts")
        .ok()?
        .says("127.0.0.1\thost.containers.internal")?;
    Ok(())
}

pub(crate) fn two_families_of_addresses() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create --subnet 10.66.0.0/24 --subnet fd66::/64 both")
        .ok()?;
    town.serve(
        "web",
        "--network both:ip=10.66.0.7,ip6=fd66::7,interface_name=up0",
    )?;
    town.rpod("exec web ip -o address show up0")
        .ok()?
        .says("10.66.0.7/24")?
        .says("fd66::7/64")?;
    town.serve("client", "--network both")?;
    for address in ["10.66.0.7", "fd66::7"] {
        until(address, || Ok(town.hears("client", address)? == "web"))?;
    }
    Ok(())
}

/// A firewall that was started anew has forgotten the ports.
pub(crate) fn ports_come_back_after_a_flush() -> Result<()> {
    let town = Town::new()?;
    town.serve("web", "--network bridge -p 8080:80")?;
    town.host.read("127.0.0.1", 8080).ok()?.is("web")?;
    for table in ["nat", "filter"] {
        for what in ["-F", "-X"] {
            town.host
                .run(Cmd::new("iptables").args(["-t", table, what]))
                .ok()?;
        }
    }
    town.host.read("127.0.0.1", 8080).exits(1)?;
    town.rpod("network reload web").ok()?;
    town.host.read("127.0.0.1", 8080).ok()?.is("web")?;
    Ok(())
}

/// What belongs to the network of another container is not asked of the one that joins it.
pub(crate) fn a_network_that_is_joined_stays_as_it_is() -> Result<()> {
    let town = Town::new()?;
    for option in ["--dns 1.2.3.4", "--dns-opt ndots:1", "--dns-search here"] {
        town.rpod(&format!(
            "create {option} --network container:nobody alpine"
        ))
        .exits(125)?
        .complains("conflicting options: dns and the network mode: container")?;
    }
    town.rpod("create --network container:nobody --add-host a:1.2.3.4 alpine")
        .exits(125)?
        .complains("cannot set extra host entries when the container is joined")?;
    town.rpod("pod create --network container:nobody")
        .exits(125)?
        .complains("pods presently do not support network mode container")?;
    town.rpod("network create green").ok()?;
    town.rpod("create --name still --network green alpine sleep 600")
        .ok()?;
    // It will be connected when it starts: nothing is to be done.
    town.rpod("network connect green still").ok()?;
    town.rpod("init still").ok()?;
    town.rpod("network connect green still")
        .exits(125)?
        .complains("is already connected to network green: network is already connected")?;
    // What waits to be started has its network already, and is in the other one as well when it starts.
    town.rpod("network create blue").ok()?;
    town.rpod("network connect blue still").ok()?;
    town.rpod("start still").ok()?;
    town.rpod("exec still ip address")
        .ok()?
        .says("eth0")?
        .says("eth1")?;
    town.rpod("create --name none --network none alpine").ok()?;
    town.rpod("network connect green none")
        .exits(125)?
        .complains("\"none\" is not supported: invalid network mode")?;
    town.rpod("rm -f -t 0 still").ok()?;
    town.rpod("network prune -f --filter until=50")
        .ok()?
        .is("")?;
    town.rpod("network prune -f --filter until=5000000000000")
        .ok()?
        .says("green")?;
    Ok(())
}

/// ip-netns(8) keeps name servers for the namespaces that it names.
pub(crate) fn a_named_namespace_has_its_name_servers() -> Result<()> {
    let town = Town::new()?;
    let name = format!("rpod-newest-{}", std::process::id());
    let dir = std::path::Path::new("/etc/netns").join(&name);
    let namespace = town.stack.scratch.path(&name);
    let unshared = Cmd::new("unshare")
        .arg(format!("--net={}", {
            fs::write(&namespace, "")?;
            namespace.display()
        }))
        .arg("true");
    unshared.ok()?;
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("resolv.conf"), "nameserver 10.11.12.13\n")?;
    let said = town
        .rpod(&format!(
            "run --rm --network ns:{} alpine cat /etc/resolv.conf",
            namespace.display()
        ))
        .run();
    fs::remove_dir_all(&dir)?;
    // Left to those who have namespaces in it.
    let _ = fs::remove_dir("/etc/netns");
    nix::mount::umount(&namespace)?;
    said?.is("nameserver 10.11.12.13")?;
    Ok(())
}

pub(crate) fn networks_are_chosen_by_their_names() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create green").ok()?;
    town.rpod("network create greener").ok()?;
    for (filter, found) in [
        ("name=^green$", "green"),
        ("name=er", "greener"),
        ("name=^podman$", "podman"),
        ("name=^blue$", ""),
    ] {
        town.rpod(&format!("network ls -q --filter {filter}"))
            .ok()?
            .is(found)?;
    }
    town.rpod("network ls --filter name=(").exits(125)?;
    town.rpod("network create --macvlan nowhere --subnet 10.70.0.0/24 wide")
        .exits(125)?
        .complains("parent interface nowhere does not exist")?;
    Ok(())
}
