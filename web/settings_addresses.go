package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
)

const (
	maxLabel = 80 // characters
	maxGrace = 365
	day      = 24 * time.Hour
)

// label is the name of an address in a form.
func label(r *http.Request) (string, error) {
	text := strings.TrimSpace(r.PostForm.Get("label"))
	if utf8.RuneCountInString(text) > maxLabel || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", &problem{Status: http.StatusUnprocessableEntity, Kind: "invalid_value", Field: "label", Title: "This label is not possible",
			Detail: fmt.Sprintf("A label has at most %d characters. Nothing was changed.", maxLabel)}
	}
	return text, nil
}

func (s *Server) addAddress(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	text, err := label(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Addresses.NewAddress(r.Context(), workspaceOf(r), text, s.cfg.MailDomain, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("make address: %w", err)
	}
	return backToSettings(w, r, "addresses")
}

func (s *Server) labelAddress(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	text, err := label(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Labels.LabelAddress(r.Context(), workspaceOf(r), address(r), text, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("label address: %w", err)
	}
	return backToSettings(w, r, "addresses")
}

// rotateAddress replaces an address that strangers have got hold of.
func (s *Server) rotateAddress(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil || days < 0 || days > maxGrace {
		return badForm(errors.New("no number of days"))
	}
	if _, err := s.cfg.Addresses.RotateAddress(r.Context(), workspaceOf(r), address(r), time.Duration(days)*day, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("rotate address: %w", err)
	}
	return backToSettings(w, r, "addresses")
}

func (s *Server) removeAddress(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	err := s.cfg.Addresses.RemoveAddress(r.Context(), workspaceOf(r), address(r), visitorOf(r).User.Email)
	if errors.Is(err, domain.ErrNotDue) {
		return &problem{Status: http.StatusConflict, Kind: "last_address", Title: "This is the only address that stays",
			Detail: "Without one no mail would arrive. Replace it instead, or add another one first. Nothing was changed."}
	}
	if err != nil {
		return fmt.Errorf("remove address: %w", err)
	}
	return backToSettings(w, r, "addresses")
}

// address is the one that a form is about. A NUL would be an error of the database's.
func address(r *http.Request) string {
	return strings.ReplaceAll(r.PostForm.Get("address"), "\x00", "")
}
