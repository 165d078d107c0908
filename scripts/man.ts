/** The manual page teredo.ini(5), made from the schema; scripts/docs.ts writes it. */
import { EXIT_ROWS } from "#src/cli/exit.ts";
import { FACILITIES } from "#src/config/kinds/system.ts";
import { SECTION_DOCS } from "#src/config/schema/mod.ts";
import { ENTRIES, type Entry, type Section, SECTIONS } from "#src/config/settings.ts";
import { paragraphs, roff } from "./roff.ts";

const HEAD = String.raw`.\" Made from src/config/schema/mod.ts by scripts/docs.ts: change it there.
.TH TEREDO.INI 5 "" teredo "File formats"
.SH NAME
teredo.ini \- configuration of the Teredo relay and server
.SH SYNOPSIS
.I /etc/teredo/teredo.ini
.SH DESCRIPTION
Settings of
.B teredo relay
and
.BR "teredo server" ,
in sections.
One file can hold the settings of both.
Every setting has a default; a relay needs no file at all, a server needs its address.
.PP
A setting is a line
.IR "key " = " value" .
Comments start with # or ; at the beginning of a line or behind a blank.
A value that holds a blank with such a sign, or starts with one or with a double quote, stands
between double quotes; two of them in it are one.
Each section and each key stands once.
.PP
A duration has its unit: 500ms, 2s, 5min or 5m, 1h; 0 needs none.
A size may have one: 10240, 10KiB, 16MiB, 1GiB.
A boolean is yes or no (also true, false, on, off).
Addresses are written in full; host names are not looked up.
.PP
The syntax of
.BR miredo.conf (5)
and
.BR miredo\-server.conf (5)
is understood as well; which one a file has is told by its content.
A file in which nothing is known, an empty one, and one that is only for the other daemon or for a
Teredo client are refused.
.PP
.B teredo config check
.I FILE...
tells what is wrong with files,
.B teredo config show
.I FILE
prints the settings in effect and where each comes from, and
.B teredo config convert
.I FILE
turns a Miredo file into this syntax.
\- is standard input; without a file the first two look where the daemons look.
.PP
A daemon reads its configuration when it starts; a change needs a restart.
`;

export const FILES = String.raw`.SH FILES
The first of these is read when no
.B \-c
.I FILE
is given:
.PP
.nf
/etc/teredo/teredo.ini
/usr/local/etc/teredo.ini
/etc/miredo/miredo.conf, /etc/miredo/miredo\-server.conf
/etc/miredo.conf, /etc/miredo\-server.conf
/usr/local/etc/miredo.conf, /usr/local/etc/miredo\-server.conf
.fi
`;

const SEE_ALSO = String.raw`.SH SEE ALSO
.BR teredo (8),
.BR teredo\-relay (8),
.BR teredo\-server (8),
RFC 4380, RFC 5991, RFC 6081, RFC 9601
`;

export function exitStatus(): string {
  const rows = EXIT_ROWS.map(([code, meaning]) => `.TP\n.B ${code}\n${roff(meaning)}\n`);
  return `.SH EXIT STATUS\nOf every command:\n${rows.join("")}`;
}

export function manPage(): string {
  return `${HEAD}${SECTIONS.map(sectionText).join("")}${FILES}${exitStatus()}${SEE_ALSO}`;
}

function sectionText(section: Section): string {
  const entries = ENTRIES.filter((entry) => entry.section === section);
  const title = `.SH SECTION [${section}]\n${roff(SECTION_DOCS[section])}\n`;
  return title + entries.map(entryText).join("");
}

function entryText(entry: Entry): string {
  const text = paragraphs(entry.doc, ".IP");
  return `.TP\n.B ${roff(entry.key)}\n${text}\n.IP\n${facts(entry)}\n`;
}

function facts({ kind, default: value, defaultText, miredo }: Entry): string {
  const range = kind.name === "syslog facility" ? FACILITIES.join(", ") : kind.range;
  const unit = kind.unit === undefined ? "" : `, ${kind.unit}`;
  const given = value === undefined ? "not set" : kind.format(value);
  const sentences = [
    `Type: ${kind.name}, ${range}${unit}.`,
    `Default: ${defaultText ?? given}.`,
    ...(miredo === undefined ? [] : [`Miredo: \`${miredo}\`.`]),
  ];
  return sentences.map(roff).join("\n");
}
