package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// production reports what nobody may serve strangers with: settings that are
// needed and missing, secrets that everybody knows, and session cookies in
// plain HTTP. The database's login is looked at when it is opened.
func (s settings) production() error {
	var problems []error
	eachSetting(reflect.ValueOf(s), func(field reflect.StructField, value reflect.Value) {
		name, hint := field.Tag.Get("env"), field.Tag.Get("needed")
		if hint != "" && value.IsZero() {
			problems = append(problems, fmt.Errorf("%s is not set; %s", name, hint))
		}
		if slices.ContainsFunc(secretsIn(value), guessable) {
			problems = append(problems, fmt.Errorf("%s is a secret that others can guess; make one with: openssl rand -hex 32", name))
		}
	})
	if public, err := url.Parse(s.PublicURL); err == nil && public.Scheme == "http" && !isLoopback(public.Hostname()) {
		problems = append(problems, fmt.Errorf("DOCUFLOW_PUBLIC_URL: %q would send session cookies in plain HTTP; put a proxy with TLS in front and set the address that starts with https://", s.PublicURL))
	}
	return errors.Join(problems...)
}

// secretsIn are the secrets that a setting holds: one, several or none.
func secretsIn(value reflect.Value) []secret {
	switch kept := value.Interface().(type) {
	case secret:
		return []secret{kept}
	case []secret:
		return kept
	}
	return nil
}

// eachSetting visits the fields that have an environment name, in their order.
func eachSetting(of reflect.Value, visit func(reflect.StructField, reflect.Value)) {
	for i := range of.NumField() {
		field := of.Type().Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			eachSetting(of.Field(i), visit)
		} else if field.Tag.Get("env") != "" {
			visit(field, of.Field(i))
		}
	}
}

// wellKnown are passwords of examples and of programs' defaults.
var wellKnown = []string{"admin", "changeme", "development", "docuflow", "example", "minioadmin", "password", "placeholder", "postgres", "root", "secret"}

// guessable says that a secret was taken from an example, or typed. A login
// is judged by its password, if it has one.
func guessable(s secret) bool {
	text := string(s)
	if login, err := url.Parse(text); err == nil && login.Scheme != "" && login.Host != "" {
		text, _ = login.User.Password()
	}
	if text == "" {
		return false
	}
	plain := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "", "<", "", ">", "").Replace(text))
	if slices.Contains(wellKnown, plain) || strings.HasPrefix(plain, "changeme") || strings.HasPrefix(plain, "placeholder") {
		return true
	}
	const fewest = 6 // different characters; 32 random hex digits have more
	different := map[rune]struct{}{}
	for _, r := range text {
		different[r] = struct{}{}
	}
	return len(text) >= 16 && len(different) < fewest
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
