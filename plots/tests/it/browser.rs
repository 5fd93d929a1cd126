//! Opens reports in headless Chromium: one request each, no console error, every figure drawn,
//! no text on another or cut off.
//!
//! The browser talks to a proxy of the test alone, so that no request to anywhere escapes its
//! count. A page of the test holds the reports in frames and measures what was laid out, since
//! reports have no scripts and allow none. Skipped, loudly, where there is no Chromium; where
//! `CI` is set that is a failure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::gallery::{EXHIBITS, exhibit};

const HOST: &str = "http://ebbtide.test";
/// Whom Chromium asks on its own account (the time, updates), whatever page is open. The proxy
/// refuses them all; that no report names such a host, `structure` tests.
const BROWSERS_OWN: [&str; 3] = ["google.com", "googleapis.com", "gvt1.com"];
/// A start takes a second or two; a machine under load may need much more.
const PATIENCE: Duration = Duration::from_secs(90);
/// What the reports' frames are measured by.
const MEASURE: &str = include_str!("measure.html");

#[test]
fn a_report_makes_one_request_and_no_console_error() {
    let Some(chromium) = chromium() else { return };
    let html = exhibit("two").html.clone();
    let site = Site::new(BTreeMap::from([("/report.html".to_owned(), html)]));
    let visit = site.visit(&chromium, "/report.html");
    assert_eq!(visit.requests, [format!("GET {HOST}/report.html")]);
    assert_eq!(visit.console, Vec::<String>::new());
}

#[test]
fn a_page_that_asks_for_more_is_noticed() {
    let Some(chromium) = chromium() else { return };
    let page = "<!DOCTYPE html><img src='https://elsewhere.test/x.png'><script>x()</script>";
    let site = Site::new(BTreeMap::from([("/bad.html".to_owned(), page.to_owned())]));
    let visit = site.visit(&chromium, "/bad.html");
    assert!(
        visit
            .requests
            .iter()
            .any(|line| line.contains("elsewhere.test")),
        "{visit:?}"
    );
    assert!(!visit.console.is_empty(), "{visit:?}");
}

#[test]
fn every_figure_is_drawn_and_no_text_lies_on_another() {
    let Some(chromium) = chromium() else { return };
    let exhibits = &*EXHIBITS;
    let frame = |name: &str| format!("<iframe src='/{name}.html'></iframe>");
    let frames: String = exhibits.iter().map(|exhibit| frame(exhibit.name)).collect();
    let mut pages: BTreeMap<_, _> = exhibits
        .iter()
        .map(|exhibit| (format!("/{}.html", exhibit.name), exhibit.html.clone()))
        .collect();
    pages.insert("/".to_owned(), MEASURE.replace("FRAMES", &frames));
    let visit = Site::new(pages).visit(&chromium, "/");

    assert_eq!(visit.console, Vec::<String>::new());
    assert_eq!(
        visit.requests.len(),
        exhibits.len() + 1,
        "{:?}",
        visit.requests
    );
    let found = visit
        .dom
        .split("<pre>")
        .nth(1)
        .and_then(|rest| rest.split("</pre>").next());
    let drawn: usize = exhibits
        .iter()
        .map(|exhibit| exhibit.html.matches("<svg").count())
        .sum();
    assert_eq!(found, Some(format!("{drawn} figures\n").as_str()));
}

/// Where Chromium is; `None` where the test must be skipped.
fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let folders = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = places.into_iter().find(|place| place.is_file());
    if found.is_none() {
        assert!(
            env::var_os("CI").is_none(),
            "CI needs Chromium: install `chromium`"
        );
        eprintln!("SKIPPED: no Chromium in PATH; install `chromium` to test reports in it");
    }
    found
}

/// Pages that a browser can visit, and no others.
struct Site {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What came of a visit.
#[derive(Debug)]
struct Visit {
    requests: Vec<String>,
    console: Vec<String>,
    dom: String,
}

impl Site {
    fn new(pages: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (pages, log) = (Arc::new(pages), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, log) = (Arc::clone(&pages), Arc::clone(&log));
                thread::spawn(move || serve(stream, &pages, &log));
            }
        });
        Self { address, requests }
    }

    fn visit(&self, chromium: &PathBuf, page: &str) -> Visit {
        let profile = tempfile::tempdir().expect("there is room for a profile");
        // Files rather than pipes, which would have to be read while waiting.
        let [dom, said] = ["dom", "said"].map(|name| profile.path().join(name));
        let file = |path| File::create(path).expect("there is room for what is said");
        let mut child = Command::new(chromium)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-default-apps",
                "--disable-extensions",
                "--disable-sync",
                "--proxy-bypass-list=<-loopback>",
                "--enable-logging=stderr",
                "--window-size=1200,2000",
                "--virtual-time-budget=10000",
                "--dump-dom",
            ])
            .arg(format!("--proxy-server=http://{}", self.address))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("{HOST}{page}"))
            .stdin(Stdio::null())
            .stdout(file(&dom))
            .stderr(file(&said))
            .spawn()
            .expect("Chromium starts");
        wait(&mut child);
        let read = |path| fs::read(path).expect("Chromium wrote it");
        let said = String::from_utf8_lossy(&read(&said)).into_owned();
        let requests = self.requests.lock().expect("no request panics");
        let console = said.lines().filter(|line| line.contains("CONSOLE"));
        Visit {
            requests: requests
                .iter()
                .filter(|line| !is_browsers_own(line))
                .cloned()
                .collect(),
            console: console.map(str::to_owned).collect(),
            dom: String::from_utf8_lossy(&read(&dom)).into_owned(),
        }
    }
}

/// Whether a line such as `CONNECT update.googleapis.com:443` is the browser's own affair.
fn is_browsers_own(request: &str) -> bool {
    let address = request.split(' ').nth(1).unwrap_or_default();
    let address = address.split_once("//").map_or(address, |(_, rest)| rest);
    let host = address.split(['/', ':', '?']).next().unwrap_or_default();
    BROWSERS_OWN.iter().any(|own| host.ends_with(own))
}

/// Waits for `child`, and ends it when it takes too long.
fn wait(child: &mut Child) {
    let started = Instant::now();
    while child
        .try_wait()
        .expect("Chromium can be waited for")
        .is_none()
    {
        if started.elapsed() > PATIENCE {
            child.kill().expect("Chromium can be ended");
            panic!("Chromium is not done after {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Answers one request, and writes it down.
fn serve(stream: TcpStream, pages: &BTreeMap<String, String>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let mut words = request.split(' ');
    let (method, url) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    // The rest of the head; an unread one would reset the connection.
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    log.lock()
        .expect("no request panics")
        .push(format!("{method} {url}"));
    let page = url.strip_prefix(HOST).and_then(|path| pages.get(path));
    let (status, body) = match page {
        Some(body) => ("200 OK", body.as_str()),
        None => ("404 Not Found", ""),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A browser that has gone needs no answer.
    let _ = (&stream).write_all(head.as_bytes());
    let _ = (&stream).write_all(body.as_bytes());
}
