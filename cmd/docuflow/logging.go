package main

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// logging is how a server writes its log. What is about persons is in it at
// DEBUG alone, whoever writes the line: addresses of people and of their
// computers are left out, also where an error repeats them.
type logging struct {
	LogLevel  slog.Level `env:"DOCUFLOW_LOG_LEVEL" default:"INFO" help:"DEBUG, INFO, WARN or ERROR. Addresses of people are in the log at DEBUG alone."`
	LogFormat string     `env:"DOCUFLOW_LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`
}

func (l logging) logger(term terminal) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.LogLevel}
	if l.LogLevel > slog.LevelDebug {
		options.ReplaceAttr = withoutPersons
	}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(term.log, options))
	}
	return slog.New(slog.NewTextHandler(term.log, options))
}

// personal are the attributes that say who somebody is, where they are, or
// what they wrote.
var personal = map[string]bool{
	"from": true, "to": true, "recipient": true, "recipients_list": true, "sender": true, "author": true, "email": true, "user": true, "by": true,
	"client": true, "remote": true, "remote_addr": true, "ip": true, "helo": true, "subject": true, "file_name": true, "file": true, "vendor": true,
}

var mailAddress = regexp.MustCompile(`[^\s<>"'(),;:=@]+@[^\s<>"'(),;:=@]+`)

func withoutPersons(_ []string, attribute slog.Attr) slog.Attr {
	if personal[attribute.Key] {
		return slog.Attr{}
	}
	text := ""
	switch value := attribute.Value.Any().(type) {
	case string:
		text = value
	case error:
		text = value.Error()
	case fmt.Stringer:
		text = value.String()
	}
	if !strings.Contains(text, "@") {
		return attribute
	}
	return slog.String(attribute.Key, mailAddress.ReplaceAllString(text, "[address]"))
}
