"use strict";
// The page asks for everything it shows in lines of JSON, over POST /ndjson
// (docs/protocol.md), and is told by the stream of events when to ask again.
//
// A browser opens six connections to a server, for all its tabs. A visible tab
// has one for events, one for a log, and at most three for requests; a tab that
// nobody sees gives all of them back.

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => Date.now() / 1000;

// put changes a text only if it is another, so that nothing is laid out anew
// and no selection is lost.
function put(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

function aria(node, name, value) {
	node.setAttribute(`aria-${name}`, String(value));
}

const on = (id, event, act) => $(id).addEventListener(event, act);

function make(tag, name, ...inside) {
	const node = document.createElement(tag);
	if (name) node.className = name;
	node.append(...inside);
	return node;
}

// ---- requests ----

// Fault is what the server answers when it could not do something, or why there
// is no answer: then it has no code of the server's.
class Fault extends Error {
	constructor(message, code = 0, hint = "") {
		super(message);
		Object.assign(this, { code, hint });
	}
}

// expected passes faults on, and throws what is none.
function expected(err) {
	if (err instanceof Fault) return err;
	throw err;
}

const faultOf = ({ message, code, hint }) => new Fault(message, code, hint);
const SHUTDOWN = 6;
const BAD_NAME = 10;
const NO_FILE = 20;
const NOT_RUNNING = 70;
const SUCCESS = 80;

const statusWords = {
	401: "the server wants a user name and a password; load the page anew",
	403: "the server does not take requests from this page",
	503: "the server has too many connections, or is shutting down",
};

// post sends lines; take gets each reply, alive each sign of life.
async function post(lines, { take, alive = () => {}, signal, outlive = false }) {
	const response = await fetch("ndjson", {
		method: "POST",
		headers: { "Content-Type": "application/x-ndjson" },
		body: lines.map((line) => JSON.stringify(line) + "\n").join(""),
		cache: "no-store",
		keepalive: outlive,
		signal,
	}).catch(() => {
		throw new Fault(signal && signal.aborted ? "there was no answer in time" : "supervisord cannot be reached");
	});
	if (!response.ok || !(response.headers.get("Content-Type") || "").includes("ndjson")) {
		throw new Fault(statusWords[response.status] || `what answers (${response.status}) is not supervisord`);
	}
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	try {
		for (let rest = ""; ; ) {
			const { done, value } = await reader.read().catch(() => {
				throw new Fault("the connection was lost");
			});
			if (done) return;
			alive();
			const parts = (rest + value).split("\n");
			rest = parts.pop();
			for (const part of parts) if (part) take(JSON.parse(part));
		}
	} finally {
		reader.cancel().catch(() => {}); // it may have ended
	}
}

// A lane sends what is asked for at the same time in one request, and has only
// so many requests under way.
class Lane {
	constructor(width, patience, outlive) {
		Object.assign(this, { width, patience, outlive, busy: 0, waiting: [], due: false });
	}

	call(method, params) {
		return new Promise((resolve, reject) => {
			this.waiting.push({ method, params, resolve, reject });
			this.kick();
		});
	}

	kick() {
		if (this.due || this.busy >= this.width || !this.waiting.length) return;
		this.due = true;
		queueMicrotask(() => {
			this.due = false;
			this.send(this.waiting.splice(0, 50));
		});
	}

	async send(calls) {
		this.busy++;
		const left = new Map(calls.map((call, i) => [i, call]));
		let failure = new Fault("the connection ended before the answer");
		try {
			await post(calls.map(({ method, params }, id) => ({ id, method, params })), {
				outlive: this.outlive,
				signal: this.patience ? AbortSignal.timeout(this.patience) : undefined,
				take: ({ id, result, error }) => {
					const call = left.get(id);
					left.delete(id);
					if (!call) return;
					if (error) call.reject(faultOf(error));
					else call.resolve(result);
				},
			});
		} catch (err) {
			failure = err;
		}
		for (const call of left.values()) call.reject(failure);
		this.busy--;
		this.kick();
	}
}

const quick = new Lane(1, 20000, false); // what is answered at once
const slow = new Lane(2, 0, true); // what waits for processes, and is to end even if the page is left

// The configuration says under which name the methods are called.
let namespace = "supervisor";
const ask = (method, params) => quick.call(`${namespace}.${method}`, params);

async function findNamespace() {
	const names = await quick.call("system.listMethods");
	const found = names.find((name) => name.endsWith(".getAllProcessInfo"));
	if (!found) {
		throw new Fault("supervisord publishes no methods; its configuration needs a section [rpcinterface:supervisor]");
	}
	namespace = found.slice(0, found.indexOf("."));
}

// stream calls take with each piece of what a method sends.
function stream(method, params, take, { signal, alive }) {
	return post([{ id: 1, method: `${namespace}.${method}`, params }], {
		signal,
		alive,
		take: ({ data, error }) => {
			if (error) throw faultOf(error);
			if (data !== undefined) take(data);
		},
	});
}

// ---- words ----

const states = { RUNNING: "good", STARTING: "busy", STOPPING: "busy", STOPPED: "idle", BACKOFF: "warn", FATAL: "bad", UNKNOWN: "bad" };

// tone is what a state means: good, busy, idle, warn or bad.
function tone(info) {
	if (info.statename === "EXITED") return info.exitstatus === 0 ? "idle" : "warn";
	return states[info.statename] || "bad";
}

// chipOf is the chip that lets a program through.
const chipOf = (info) => ({ busy: "good", warn: "bad" })[tone(info)] || tone(info);
const troubled = (info) => chipOf(info) === "bad";
const active = (info) => ["RUNNING", "STARTING", "BACKOFF", "STOPPING"].includes(info.statename);

function duration(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function size(bytes) {
	const units = ["B", "KB", "MB", "GB", "TB"];
	let i = 0;
	for (; bytes >= 999.5 && i < units.length - 1; i++) bytes /= 1024;
	return `${bytes >= 99.5 || i === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[i]}`;
}

const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const moment = (seconds) => new Date(seconds * 1000).toLocaleString();

let skew = 0; // of the server's clock
const serverNow = () => now() + skew;

// note says in a few words since when, or why.
function note(info) {
	const gone = info.stop ? `, ${duration(serverNow() - info.stop)} ago` : "";
	switch (info.statename) {
		case "RUNNING":
			return `up ${duration(serverNow() - info.start)}`;
		case "STARTING":
			return `for ${duration(serverNow() - info.start)}`;
		case "STOPPED":
			return info.start && info.stop ? `stopped${gone.slice(1)}` : "not started";
		case "EXITED":
			return (info.exitstatus < 0 ? "ended by a signal" : `exit status ${info.exitstatus}`) + gone;
		case "STOPPING":
			return "";
	}
	return info.spawnerr || info.description;
}

const doing = { start: "start", stop: "stop", restart: "restart", clear: "clear the log of" };

const faultWords = {
	2: "the request was not understood",
	6: "supervisord is shutting down",
	10: "there is no such program any more",
	20: "there is no such file",
	21: "the file cannot be executed",
	40: "it ended while it was starting",
	50: "it could not be started, or ended at once",
	60: "it is running already",
	70: "it is not running",
};

// why puts a fault into words, and keeps the server's own.
function why(fault) {
	const words = faultWords[fault.code];
	const text = words && fault.message ? `${words} (${fault.message})` : words || fault.message || "for no reason that it told";
	return fault.hint ? `${text}; ${fault.hint}` : text;
}

// ---- what is told ----

// say is for those who listen to the page.
let sayings = [];
function say(text) {
	if (sayings.push(text) > 1) return;
	setTimeout(() => {
		put($("say"), sayings.length > 4 ? `${plural(sayings.length, "program")} changed` : sayings.join(". "));
		sayings = [];
	}, 300);
}

// complain shows what went wrong until it is closed.
function complain(text, details = []) {
	const close = make("button", "button close", "✕");
	aria(close, "label", "Dismiss");
	const box = make("div", "notice", make("p", "", text), close);
	box.setAttribute("role", "alert");
	if (details.length) {
		const shown = details.slice(0, 8).map((line) => make("li", "", line));
		if (details.length > 8) shown.push(make("li", "", `and ${details.length - 8} more`));
		close.before(make("ul", "", ...shown));
	}
	close.addEventListener("click", () => box.remove());
	const notices = $("notices");
	notices.append(box);
	while (notices.children.length > 4) notices.firstChild.remove();
}

// confirmed asks before something that concerns many, or cannot be undone.
function confirmed(question, yes) {
	const dialog = $("ask");
	put($("ask-text"), question);
	put($("ask-yes"), yes);
	dialog.returnValue = "";
	dialog.showModal();
	$("ask-yes").focus();
	return new Promise((resolve) => {
		const told = () => {
			if (dialog.open) return; // of the question before
			dialog.removeEventListener("close", told);
			resolve(dialog.returnValue === "yes");
		};
		dialog.addEventListener("close", told);
	});
}

// ---- the programs ----

const rows = new Map(); // by group:name
const groups = new Map(); // by name; "" are the programs that are groups of their own
const filter = { text: "", chip: "" };

const keyOf = ({ group, name }) => `${group}:${name}`;

// turn makes a button the one that starts a program, or the one that stops it.
function turn(button, info) {
	put(button, active(info) ? "Stop" : "Start");
	aria(button, "disabled", info.statename === "STOPPING");
}

function copyOf(template) {
	return $(template).content.firstElementChild.cloneNode(true);
}

class Row {
	constructor(info) {
		this.spec = info.group === info.name ? info.name : keyOf(info);
		this.node = copyOf("row-template");
		this.node.row = this;
		this.swapped = -1000; // when Start last became Stop, or the other way round
		this.moved = false; // it has left its state, and perhaps come back to it
		const find = (selector) => this.node.querySelector(selector);
		this.parts = { pill: find(".pill"), name: find(".name button"), note: find(".note"), cpu: find(".cpu"), mem: find(".mem"), again: find(".again") };
		this.buttons = Object.fromEntries([...this.node.querySelectorAll(".do button")].map((b) => [b.dataset.do, b]));
		put(this.parts.name, info.name);
		aria(this.parts.name, "label", `${this.spec}, details`);
		for (const [verb, button] of Object.entries(this.buttons)) aria(button, "label", `${button.textContent} ${this.spec}`);
		this.update(info);
	}

	update(info) {
		const before = this.info;
		this.info = info;
		const changed = !before || before.statename !== info.statename;
		if (changed) {
			put(this.parts.pill, info.statename.toLowerCase());
			const button = this.buttons.toggle;
			if (before && active(before) !== active(info)) this.swapped = performance.now();
			turn(button, info);
			aria(button, "label", `${button.textContent} ${this.spec}`);
		}
		if (changed || before.exitstatus !== info.exitstatus) {
			this.parts.pill.className = `pill ${tone(info)}`;
			this.node.dataset.tone = tone(info);
		}
		if (info.pid !== (before && before.pid)) this.measure(null);
		this.tick();
		if (before && (changed || this.moved)) this.changed();
		this.moved = false;
	}

	// changed tells those who wait for it, or cannot see it.
	changed() {
		const { info } = this;
		const asked = this.asked && this.asked.until > now() ? this.asked.verb : "";
		if (troubled(info)) {
			say(`${this.spec} is ${info.statename.toLowerCase()}: ${note(info)}`);
			if (asked && asked !== "stop") complain(`${this.spec} did not stay up: ${note(info)}`);
		} else if (info.statename === "RUNNING" || (asked === "stop" && !active(info))) {
			if (asked) say(`${this.spec} is ${info.statename.toLowerCase()}`);
		} else {
			return; // it is on its way
		}
		this.asked = null;
	}

	// tick writes what changes with the time.
	tick() {
		const text = note(this.info);
		if (this.parts.note.textContent === text) return;
		put(this.parts.note, text);
		this.parts.note.title = this.info.statename === "RUNNING" ? `pid ${this.info.pid}, since ${moment(this.info.start)}` : text;
	}

	// measure shows what the program uses. The share of a processor is that
	// between two measurements.
	measure(usage) {
		const before = this.usage;
		this.usage = usage;
		let cpu = "";
		if (usage && before && usage.pid === before.pid && usage.cpu_seconds !== null && before.cpu_seconds !== null && usage.uptime > before.uptime) {
			const share = (100 * Math.max(0, usage.cpu_seconds - before.cpu_seconds)) / (usage.uptime - before.uptime);
			cpu = `${share >= 9.95 ? Math.round(share) : share.toFixed(1)} %`;
		}
		put(this.parts.cpu, cpu);
		put(this.parts.mem, usage && usage.rss !== null && usage.pid ? size(usage.rss) : "");
		if (usage) put(this.parts.again, String(usage.restarts));
	}
}

class Group {
	constructor(name) {
		this.name = name;
		this.rows = new Set();
		if (name) {
			this.body = copyOf("group-template");
			this.head = this.body.firstElementChild;
			this.head.group = this;
			this.count = this.head.querySelector(".count");
			this.fold = this.head.querySelector(".fold");
			put(this.fold, name);
			for (const button of this.head.querySelectorAll(".do button")) aria(button, "label", `${button.textContent} all of group ${name}`);
		} else {
			this.body = make("tbody");
			this.body.setAttribute("role", "rowgroup");
		}
	}

	get open() {
		return !this.fold || this.fold.getAttribute("aria-expanded") === "true";
	}
}

// show takes the whole list, in the order of the server.
function show(list) {
	const wanted = new Set(list.map(keyOf));
	const own = new Map(); // how many a group has
	for (const info of list) own.set(info.group, (own.get(info.group) || 0) + 1);
	for (const [key, row] of rows) if (!wanted.has(key)) remove(key, row);
	for (const info of list) {
		const section = info.group === info.name && own.get(info.group) === 1 ? "" : info.group;
		let row = rows.get(keyOf(info));
		if (row) row.update(info);
		else rows.set(keyOf(info), (row = new Row(info)));
		if (row.section !== section) {
			if (row.section !== undefined) groups.get(row.section).rows.delete(row);
			row.section = section;
			if (!groups.has(section)) groups.set(section, new Group(section));
			groups.get(section).rows.add(row);
		}
	}
	place(list);
	summarize();
}

// place puts rows and groups in order, and moves only what stands wrong.
function place(list) {
	const ends = new Map(); // of a group: its last row so far
	for (const info of list) {
		const row = rows.get(keyOf(info));
		const group = groups.get(row.section);
		const end = ends.get(group) || group.head || null;
		const next = end ? end.nextSibling : group.body.firstChild;
		if (next !== row.node) group.body.insertBefore(row.node, next);
		ends.set(group, row.node);
	}
	let end = $("table").tHead;
	for (const [name, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
		if (!group.rows.size) {
			group.body.remove();
			groups.delete(name);
			continue;
		}
		if (end.nextSibling !== group.body) end.after(group.body);
		end = group.body;
	}
}

function remove(key, row) {
	if (row.node.contains(document.activeElement)) $("programs").focus();
	row.node.remove();
	rows.delete(key);
	const group = groups.get(row.section);
	group.rows.delete(row);
	if (group.head && !group.rows.size && group.head.contains(document.activeElement)) $("programs").focus();
}

// summarize counts, and hides what the filter does not let through.
function summarize() {
	const total = { "": 0, good: 0, bad: 0, idle: 0 };
	const filtering = filter.text !== "" || filter.chip !== "";
	let visible = 0;
	for (const group of groups.values()) {
		let running = 0;
		let shown = 0;
		for (const row of group.rows) {
			const chip = chipOf(row.info);
			total[""]++;
			total[chip]++;
			if (row.info.statename === "RUNNING") running++;
			const fits = (!filter.chip || filter.chip === chip) && row.spec.toLowerCase().includes(filter.text);
			if (fits) shown++;
			row.node.hidden = !fits || (!group.open && !filtering);
		}
		visible += shown;
		group.body.hidden = shown === 0;
		if (group.count) {
			put(group.count, `${running} of ${group.rows.size} running`);
			group.head.classList.toggle("trouble", [...group.rows].some((row) => troubled(row.info)));
		}
	}
	for (const chip of $("chips").children) {
		put(chip.lastElementChild, String(total[chip.dataset.chip]));
		chip.classList.toggle("alarm", chip.dataset.chip === "bad" && total.bad > 0);
	}
	$("table").hidden = visible === 0;
	$("nothing").hidden = visible > 0;
	put($("nothing"), rows.size ? "No program matches the filter" : "No programs to manage");
	put(document.querySelector("title"), `${total.bad ? `(${total.bad}) ` : ""}${server.name} – Supervisor Status`);
	showPanelHead();
}

// ---- actions ----

const server = { name: "supervisor", stopping: false };

// perform does a verb to one program, a group or all. It returns what failed.
async function perform(verb, target) {
	const members = [...rows.values()].filter((row) => (target.row ? row === target.row : !target.group || row.section === target.group.name));
	if (verb !== "clear") for (const row of members) row.asked = { verb, until: now() + 60 };
	const name = target.row ? target.row.spec : target.group && target.group.name;
	const noun = target.row ? "Process" : target.group ? "ProcessGroup" : "AllProcesses";
	const call = (what, wait) => ({ method: what + noun, params: name ? { name, wait } : { wait } });
	if (verb === "clear") {
		if (!target.row && !target.group) return failures(await ask("clearAllProcessLogs"));
		const each = await Promise.allSettled(members.map((row) => ask("clearProcessLogs", { name: row.spec })));
		return each.flatMap((end, i) => (end.status === "rejected" ? [{ spec: members[i].spec, fault: end.reason }] : []));
	}
	if (verb !== "restart") {
		const { method, params } = call(verb, false);
		return failures(await ask(method, params), name);
	}
	// In one request, so that a page that is left leaves nothing half done.
	const calls = [call("stop", true), call("start", false)].map(({ method, params }) => ({ methodName: `${namespace}.${method}`, params }));
	const results = await slow.call("system.multicall", { calls });
	return results.flatMap((result) => failures(result, name)).filter(({ fault }) => fault.code !== NOT_RUNNING);
}

// failures finds what went wrong in a result.
function failures(result, name) {
	if (Array.isArray(result)) {
		return result
			.filter((one) => one.status !== SUCCESS)
			.map((one) => ({ spec: one.group === one.name ? one.name : keyOf(one), fault: new Fault(one.description, one.status) }));
	}
	if (result && result.faultCode) return [{ spec: name, fault: new Fault(result.faultString, result.faultCode) }];
	return [];
}

async function act(verb, target) {
	const many = target.row ? 1 : target.group ? target.group.rows.size : rows.size;
	const what = target.row ? target.row.spec : target.group ? `${plural(many, "program")} of ${target.group.name}` : `all ${plural(many, "program")}`;
	const capital = (text) => text[0].toUpperCase() + text.slice(1);
	if ((many > 1 || verb === "clear") && !(await confirmed(`${capital(doing[verb])} ${what}?`, capital(verb)))) return;
	let failed;
	try {
		failed = await perform(verb, target);
	} catch (err) {
		const fault = expected(err);
		failed = [{ spec: what, fault }];
	}
	if (failed.length === 1) complain(`Could not ${doing[verb]} ${failed[0].spec || what}: ${why(failed[0].fault)}`);
	else if (failed.length) complain(`Could not ${doing[verb]} ${failed.length} of ${what}:`, failed.map(({ spec, fault }) => `${spec}: ${why(fault)}`));
	else if (verb === "clear") {
		say(`Log of ${what} cleared`);
		log.cleared(target);
	}
}

function pressed(button) {
	const verb = button.dataset.do;
	if (button.getAttribute("aria-disabled") === "true") return;
	const line = button.closest("tr");
	const row = line ? line.row : button.closest("#panel") && rows.get(panel.key);
	const target = { row, group: line && line.group };
	switch (verb) {
		case "fold":
			aria(button, "expanded", !target.group.open);
			return summarize();
		case "activity":
			return panel.visit("activity", "");
		case "open":
			return panel.visit(troubled(row.info) ? "why" : "log", row.spec);
		case "log":
			return panel.visit("log", row.spec);
		case "toggle":
			// What was pressed twice was not meant to be undone at once.
			if (performance.now() - row.swapped < 500) return;
			return act(active(row.info) ? "stop" : "start", target);
	}
	if (line || !button.closest("#panel") || row) act(verb, target);
}

// ---- the log ----

const MOST = 5000; // lines, and as many that wait
const LONGEST = 16384; // characters of a line

function decode(data) {
	if (typeof data === "string") return data;
	return new TextDecoder().decode(Uint8Array.from(atob(data.base64), (c) => c.charCodeAt(0)));
}

// Escapes are left out; what is not printed is shown by its picture.
const sequences = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;
const legible = (line) =>
	line.replace(sequences, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (c) => String.fromCharCode(c === "\x7f" ? 0x2421 : 0x2400 + c.charCodeAt(0)));

const log = {
	lines: [], // {text, node}
	queue: [], // texts that have come and are not shown yet
	rest: "", // of a line whose end has not come
	seen: "", // the last of what has come, to find the place again
	paused: false,
	query: "",
	current: null, // the match that was gone to
	run: null, // the controller of what is being followed
	nudge: () => {}, // tries again at once

	// open follows a log until another is opened, or close is called.
	async open(method, params) {
		this.close();
		const run = (this.run = new AbortController());
		for (let first = true; !run.signal.aborted; first = false) {
			await awake();
			if (run.signal.aborted) return;
			const nudged = new Promise((resolve) => (this.nudge = resolve));
			let state = "The log has ended.";
			try {
				await watched(({ signal, alive }) => this.read(method, params, first, signal, alive), run.signal);
			} catch (err) {
				const fault = expected(err);
				state = fault.code === NO_FILE ? `There is no such log (${fault.message}).` : `The log cannot be followed: ${why(fault)}`;
			}
			if (run.signal.aborted) return;
			this.tell(state);
			await Promise.race([pause(5000), nudged]);
		}
	},

	async read(method, params, first, signal, alive) {
		let again = first ? null : { text: "" }; // what comes until it is clear where we were
		const settle = () => {
			if (!again) return;
			const { text } = again;
			again = null;
			const mark = this.seen.slice(-400);
			const at = mark ? text.lastIndexOf(mark) : -1;
			if (at < 0 && this.seen && text) this.take("\n··· something may be missing here ···\n");
			this.take(at < 0 ? text : text.slice(at + mark.length));
		};
		let timer;
		try {
			await stream(method, params, (data) => {
				this.tell(panel.following());
				const text = decode(data);
				if (!again) return this.take(text);
				again.text += text;
				clearTimeout(timer);
				timer = setTimeout(settle, 300);
			}, { signal, alive });
		} finally {
			clearTimeout(timer);
			settle();
		}
	},

	close() {
		if (this.run) this.run.abort();
		this.run = null;
		this.empty();
		this.hold(false);
		this.tell("");
	},

	empty() {
		Object.assign(this, { lines: [], queue: [], rest: "", seen: "", current: null });
		$("lines").replaceChildren();
		this.last = null;
		this.count();
	},

	cleared(target) {
		const row = panel.key && rows.get(panel.key);
		if (row && (target.row ? target.row === row : !target.group || row.section === target.group.name)) this.empty();
	},

	tell(text) {
		put($("log-state"), text);
	},

	// take cuts what comes into lines.
	take(text) {
		if (!text) return;
		this.seen = (this.seen + text).slice(-2000);
		let rest = this.rest + text;
		const held = rest.endsWith("\r") ? "\r" : ""; // half of a line's end, perhaps
		const parts = (held ? rest.slice(0, -1) : rest).split(/\r\n|\n|\r/);
		rest = parts.pop();
		while (rest.length > LONGEST) {
			parts.push(rest.slice(0, LONGEST));
			rest = rest.slice(LONGEST);
		}
		this.rest = rest + held;
		for (const part of parts) {
			for (let at = 0; at === 0 || at < part.length; at += LONGEST) this.queue.push(legible(part.slice(at, at + LONGEST)));
		}
		this.queue = this.queue.slice(-MOST);
		this.schedule();
	},

	schedule() {
		if (this.paused) return put($("pause"), `Resume (${plural(this.queue.length, "new line")})`);
		if (this.due) return;
		this.due = true;
		requestAnimationFrame(() => {
			this.due = false;
			if (!this.paused) this.draw();
		});
	},

	// draw shows what has come. The line that is not complete stands last.
	draw() {
		const box = $("lines");
		const follow = this.atEnd();
		if (this.last) this.last.remove();
		const fresh = document.createDocumentFragment();
		for (const text of this.queue) {
			const line = { text, node: make("div", "") };
			this.lines.push(line);
			this.mark(line);
			fresh.append(line.node);
		}
		this.queue = [];
		this.last = this.rest ? make("div", "", legible(this.rest)) : null;
		if (this.last) fresh.append(this.last);
		box.append(fresh);
		const much = this.lines.length - MOST;
		if (much > 0) {
			this.lines.splice(0, much);
			const first = this.lines[0].node;
			while (box.firstChild !== first) box.firstChild.remove();
		}
		if (follow) box.scrollTop = box.scrollHeight;
		this.count();
	},

	atEnd() {
		const box = $("lines");
		return box.scrollHeight - box.scrollTop - box.clientHeight < 12;
	},

	hold(paused) {
		this.paused = paused;
		aria($("pause"), "pressed", paused);
		put($("pause"), paused ? "Resume" : "Pause");
		if (!paused) this.schedule();
	},

	// mark shows a line, with what is searched for.
	mark(line) {
		const { text, node } = line;
		const low = text.toLowerCase();
		let at = this.query ? low.indexOf(this.query) : -1;
		line.hit = at >= 0;
		node.classList.toggle("miss", this.query !== "" && !line.hit);
		if (!line.hit || low.length !== text.length) return put(node, text);
		const parts = [];
		let from = 0;
		for (let i = 0; at >= 0 && i < 100; i++) {
			parts.push(text.slice(from, at), make("mark", "", text.slice(at, (from = at + this.query.length))));
			at = low.indexOf(this.query, from);
		}
		node.replaceChildren(...parts, text.slice(from));
	},

	search(query) {
		this.query = query.toLowerCase();
		this.current = null;
		for (const line of this.lines) {
			if (line.node.firstElementChild) line.node.textContent = ""; // marks of before
			this.mark(line);
		}
		this.count();
		if (this.atEnd()) $("lines").scrollTop = $("lines").scrollHeight;
	},

	count() {
		const hits = this.lines.filter((line) => line.hit);
		const at = hits.indexOf(this.current) + 1;
		put($("hits"), !this.query ? "" : at ? `${at} of ${hits.length}` : hits.length ? plural(hits.length, "line") : "not found");
		$("end").hidden = this.atEnd();
		return hits;
	},

	// go moves to the next match, or to the one before.
	go(step) {
		const hits = this.count();
		if (!hits.length) return;
		const at = this.current ? hits.indexOf(this.current) + step : step > 0 ? 0 : -1;
		if (this.current) this.current.node.classList.remove("here");
		this.current = hits[(at + hits.length) % hits.length];
		this.current.node.classList.add("here");
		this.current.node.scrollIntoView({ block: "center" });
		this.count();
	},
};

// ---- the panel ----

const tabs = ["log", "err", "why"];
const panel = {
	at: "", // what the address says
	kind: "",
	key: "",
	opener: null,

	// visit opens it through the address, so that one can go back.
	visit(kind, spec) {
		this.opener = document.activeElement;
		this.pushed = true;
		location.hash = spec ? `${kind}/${encodeURIComponent(spec)}` : kind;
	},

	leave() {
		if (this.pushed) return history.back();
		history.replaceState(null, "", location.pathname + location.search);
		this.route();
	},

	// turn goes to another tab of it.
	turn(kind) {
		history.replaceState(null, "", `#${kind}/${encodeURIComponent(this.spec)}`);
		this.route();
	},

	route() {
		const [kind, name] = location.hash.slice(1).split("/");
		let spec = "";
		try {
			spec = decodeURIComponent(name || "");
		} catch (err) {
			spec = name;
		}
		const valid = kind === "activity" || (tabs.includes(kind) && spec);
		const to = valid ? `${kind}/${spec}` : "";
		if (to === this.at) return;
		const was = this.at;
		this.at = to;
		if (!valid) return this.shut();
		Object.assign(this, { kind, spec, key: !spec || spec.includes(":") ? spec : `${spec}:${spec}` });
		if (!was) {
			this.cover(true);
			$("panel-name").focus();
		}
		this.fill();
	},

	// cover shows the panel over everything else, or hides it.
	cover(covered) {
		$("panel").hidden = !covered;
		for (const id of ["top", "lost", "programs", "foot"]) $(id).inert = covered;
		document.documentElement.classList.toggle("covered", covered);
	},

	shut() {
		log.close();
		Object.assign(this, { kind: "", key: "", spec: "", pushed: false });
		this.cover(false);
		const back = this.opener && this.opener.isConnected && this.opener.offsetParent ? this.opener : $("programs");
		back.focus();
	},

	fill() {
		const activity = this.kind === "activity";
		put($("panel-name"), activity ? "Activity log" : this.spec);
		$("tabs").hidden = activity;
		for (const tab of $("tabs").children) {
			const chosen = tab.dataset.tab === this.kind;
			aria(tab, "selected", chosen);
			tab.tabIndex = chosen ? 0 : -1;
		}
		$("view-log").hidden = this.kind === "why";
		$("view-why").hidden = this.kind !== "why";
		aria($("view-log"), "labelledby", activity ? "panel-name" : `tab-${this.kind}`);
		aria($("lines"), "label", activity ? "Activity log" : `${this.kind === "err" ? "Stderr" : "Stdout"} of ${this.spec}`);
		showPanelHead();
		if (this.kind === "why") {
			log.close();
			return this.explain();
		}
		if (activity) log.open("followLog", { backlog: 65536 });
		else log.open("followProcessLog", { name: this.spec, lines: 1000, channel: this.kind === "err" ? "stderr" : "stdout" });
	},

	following() {
		const row = rows.get(panel.key);
		const file = row && (panel.kind === "err" ? row.info.stderr_logfile : row.info.stdout_logfile);
		return file ? `Following ${file}` : "Following";
	},

	// heard says that the program has changed.
	heard() {
		if (this.kind === "why") this.explain();
		else if (this.kind) log.nudge();
	},

	async explain() {
		const { spec } = this;
		const box = $("view-why");
		let parts;
		try {
			parts = explained(await ask("explainProcess", { name: spec, lines: 20 }));
		} catch (err) {
			const fault = expected(err);
			parts = [make("p", "", `Nothing can be told: ${why(fault)}`)];
		}
		if (this.kind === "why" && this.spec === spec) box.replaceChildren(...parts);
	},
};

function showPanelHead() {
	if (!panel.kind) return;
	const row = rows.get(panel.key);
	const state = $("panel-state");
	state.hidden = !row;
	$("panel-do").hidden = !row;
	put($("panel-note"), row ? note(row.info) : panel.key && linked ? "there is no such program" : "");
	if (!row) return;
	put(state, row.info.statename.toLowerCase());
	state.className = `pill ${tone(row.info)}`;
	turn($("panel-do").firstElementChild, row.info);
}

// explained shows why a program is in its state.
function explained(x) {
	const parts = [];
	const facts = make("dl", "");
	const fact = (name, text) => text && facts.append(make("dt", "", name), make("dd", "", text));
	const exit = x.last_exit;
	fact("Waits for", x.waits_for);
	fact("Next start", x.next_start ? `in ${duration(x.next_start - x.now)}` : "");
	fact("Last exit", exit ? `${exit.text}, ${moment(exit.time)}, after ${duration(exit.ran)}` : "");
	fact("Starts", `${x.starts}, of which ${x.restarts} by itself`);
	fact("Failed in a row", x.tries ? `${x.tries} of ${x.startretries + 1} before it is given up` : "");
	fact("Command", x.command);
	parts.push(facts);
	if (x.history.length) {
		const list = make("ol", "history");
		for (const { time, from, to, pid, reason } of [...x.history].reverse()) {
			const stamp = make("time", "", new Date(time * 1000).toLocaleTimeString());
			stamp.title = moment(time);
			list.append(make("li", "", stamp, make("span", "", `${from.toLowerCase()} → ${to.toLowerCase()}`), make("span", "note", reason || (pid ? `pid ${pid}` : ""))));
		}
		parts.push(make("h3", "", "What happened"), list);
	}
	for (const [title, tail] of [["The end of stderr", x.stderr], ["The end of stdout", x.stdout]]) {
		const text = tail.lines.map((line) => legible(decode(line))).join("\n");
		if (text) parts.push(make("h3", "", title), make("pre", "tail", text));
		else if (tail.note) parts.push(make("h3", "", title), make("p", "note", tail.note));
	}
	return parts;
}

// ---- what happens ----

let linked = false; // there is a stream of events
let asleep = false; // nobody has seen the page for a while
const watches = new Set(); // the controllers of the streams
let wakers = [];

const awake = () => new Promise((resolve) => (asleep ? wakers.push(resolve) : resolve()));

// watched runs a stream until it is silent for too long, nobody sees it, or
// outer ends.
async function watched(run, outer) {
	const control = new AbortController();
	const stop = () => control.abort();
	let timer;
	const alive = () => {
		clearTimeout(timer);
		timer = setTimeout(stop, 35000);
	};
	alive();
	watches.add(control);
	if (outer) outer.addEventListener("abort", stop);
	try {
		await run({ signal: control.signal, alive });
	} finally {
		clearTimeout(timer);
		watches.delete(control);
		if (outer) outer.removeEventListener("abort", stop);
	}
}

let sleeping;
function look() {
	clearTimeout(sleeping);
	if (document.visibilityState === "hidden") {
		sleeping = setTimeout(sleep, 10000);
		return;
	}
	asleep = false;
	for (const wake of wakers.splice(0)) wake();
}

function sleep() {
	asleep = true;
	for (const control of watches) control.abort();
}

function link(state, text) {
	linked = state === "live";
	$("link").dataset.link = state;
	put($("link"), text);
	$("table").classList.toggle("stale", !linked);
}

// live holds the stream of events, and makes it anew when it is lost.
async function live() {
	for (let tries = 0; ; tries++) {
		await awake();
		let fault = new Fault("supervisord has closed the connection");
		try {
			await findNamespace();
			const types = ["PROCESS_STATE", "PROCESS_GROUP", "SUPERVISOR_STATE_CHANGE"];
			await watched((life) => stream("followEvents", { types }, (record) => {
				tries = 0;
				hear(record);
			}, life));
		} catch (err) {
			if (!(err instanceof Fault)) console.error(err);
			fault = err;
		}
		if (asleep) {
			link("wait", "Asleep");
			continue;
		}
		link("lost", "Not connected");
		await lost(fault, Math.min(15, 0.5 * 2 ** tries) * (0.75 + Math.random() / 2));
	}
}

// lost says that there is no connection, and waits before the next try.
async function lost(fault, seconds) {
	const until = now() + seconds;
	const again = new Promise((resolve) => {
		$("again").onclick = resolve;
		addEventListener("online", resolve, { once: true });
	});
	const text = server.stopping ? "supervisord is shutting down or restarting" : `No connection: ${why(fault)}`;
	put($("lost-text"), `${text}${/[.?!]$/.test(text) ? "" : "."} What is shown may be old.`);
	$("lost").hidden = false;
	while (now() < until) {
		put($("again"), until - now() > 1.5 ? `Try now (${Math.round(until - now())} s)` : "Try now");
		if (await Promise.race([again, pause(500)])) break;
	}
}

function hear(record) {
	if (record.open) return opened(record.open);
	if (record.gap) return refresh(null);
	const { type } = record;
	if (type === "SUPERVISOR_STATE_CHANGE_STOPPING") {
		server.stopping = true;
		say("supervisord is shutting down");
		return link("wait", "Shutting down");
	}
	if (!type.startsWith("PROCESS_STATE_")) return refresh(null);
	if (server.stopping) return guess(record); // it answers no more
	const key = keyOf(record);
	if (rows.has(key)) rows.get(key).moved = true;
	refresh(key);
}

// guess takes the state from an event alone.
function guess({ type, group, name, pid, when }) {
	const row = rows.get(keyOf({ group, name }));
	if (!row) return;
	const statename = type.slice("PROCESS_STATE_".length);
	row.update({ ...row.info, statename, pid: statename === "STOPPED" ? 0 : pid || 0, stop: statename === "STOPPED" ? when : row.info.stop });
	summarize();
}

async function opened({ pid, identifier }) {
	Object.assign(server, { name: identifier, stopping: false });
	link("live", "Live");
	if (!$("lost").hidden) say("connected again");
	$("lost").hidden = true;
	put($("who"), identifier);
	put($("about"), `pid ${pid} on ${location.hostname}`);
	refresh(null);
	log.nudge();
	try {
		put($("version"), await ask("getSupervisorVersion"));
	} catch (err) {
		expected(err);
	}
}

// refresh asks for what has changed: one program, or everything (null). What
// changes meanwhile is asked for together, a little later.
const stale = { all: false, keys: new Set(), busy: false };
async function refresh(key) {
	if (key === null) stale.all = true;
	else stale.keys.add(key);
	if (stale.busy) return;
	stale.busy = true;
	try {
		while (stale.all || stale.keys.size) await catchUp();
	} finally {
		stale.busy = false;
	}
}

async function catchUp() {
	const keys = [...stale.keys];
	const all = stale.all || keys.length > 20 || keys.some((key) => !rows.has(key));
	stale.keys.clear();
	stale.all = false;
	try {
		if (all) fresh(await ask("getAllProcessInfo"), true);
		else fresh(await Promise.all(keys.map((name) => ask("getProcessInfo", { name }))), false);
		if (all || keys.includes(panel.key)) panel.heard();
	} catch (err) {
		const { code } = expected(err);
		if (code === SHUTDOWN || !linked) return; // everything is asked for when there is a connection again
		stale.all = true;
		if (code !== BAD_NAME) await pause(2000);
	}
	await pause(all ? 250 : 100);
}

function fresh(list, all) {
	if (list.length) skew = list[0].now - now();
	if (all) return show(list);
	for (const info of list) rows.get(keyOf(info)).update(info);
	summarize();
}

// measure asks what the programs use, as long as somebody looks.
async function measure() {
	for (;;) {
		const began = performance.now();
		if (linked && document.visibilityState === "visible" && rows.size) {
			try {
				for (const usage of await ask("getAllProcessUsage")) {
					const row = rows.get(keyOf(usage));
					if (row) row.measure(usage);
				}
			} catch (err) {
				expected(err);
			}
		}
		await pause(Math.max(3000, 20 * (performance.now() - began)));
	}
}

// ---- the beginning ----

function begin() {
	if (!$("message").hidden) history.replaceState(null, "", location.pathname + location.hash);
	document.addEventListener("click", (event) => {
		const button = event.target.closest("button[data-do]");
		if (button) pressed(button);
	});
	on("filter", "input", () => {
		filter.text = $("filter").value.trim().toLowerCase();
		summarize();
	});
	on("chips", "click", (event) => {
		const chip = event.target.closest("[data-chip]");
		if (!chip) return;
		filter.chip = chip.dataset.chip;
		for (const one of $("chips").children) aria(one, "pressed", one === chip);
		summarize();
	});
	on("tabs", "click", (event) => {
		const tab = event.target.closest("[data-tab]");
		if (tab) panel.turn(tab.dataset.tab);
	});
	on("tabs", "keydown", (event) => {
		const step = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[event.key];
		if (!step) return;
		panel.turn(tabs[(tabs.indexOf(panel.kind) + step) % tabs.length]);
		$(`tab-${panel.kind}`).focus();
	});
	on("close", "click", () => panel.leave());
	document.addEventListener("keydown", (event) => {
		if (event.key === "Escape" && panel.kind && !$("ask").open && !(event.target.type === "search" && event.target.value)) panel.leave();
	});
	on("find", "input", () => log.search($("find").value));
	on("find", "keydown", (event) => {
		if (event.key === "Enter") log.go(event.shiftKey ? -1 : 1);
	});
	on("next", "click", () => log.go(1));
	on("prev", "click", () => log.go(-1));
	on("only", "change", () => $("lines").classList.toggle("only", $("only").checked));
	on("wrap", "change", () => $("lines").classList.toggle("nowrap", !$("wrap").checked));
	on("pause", "click", () => log.hold(!log.paused));
	on("lines", "scroll", () => ($("end").hidden = log.atEnd()));
	on("end", "click", () => {
		$("lines").scrollTop = $("lines").scrollHeight;
		$("lines").focus();
	});
	addEventListener("hashchange", () => panel.route());
	document.addEventListener("visibilitychange", look);
	addEventListener("pagehide", sleep); // the browser may keep the page, and its connections, to come back to
	addEventListener("pageshow", look);
	setInterval(() => {
		if (document.visibilityState === "hidden") return;
		for (const row of rows.values()) if (!row.node.hidden) row.tick();
		showPanelHead();
	}, 1000);
	panel.route();
	live();
	measure();
}

begin();
