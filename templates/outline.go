package templates

import "fmt"

// outline is the path of an icon on a grid of 16 with a stroke of 1.5.
//
//nolint:gocyclo,funlen // a table
func outline(name string) string {
	switch name {
	case "done":
		return "M3 8.6l3.2 3.2L13 4.8"
	case "look":
		return "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z"
	case "running":
		return "M4.5 3.2v9.6L12 8z"
	case "queued":
		return "M3 8h.01M8 8h.01M13 8h.01"
	case "retrying", "clock":
		return "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.6V8l2.3 1.6"
	case "failed", "close":
		return "M4 4l8 8M12 4l-8 8"
	case "skipped":
		return "M3.5 8h9"
	case "paused", "waiting":
		return "M5.5 3.5v9M10.5 3.5v9"
	case "page":
		return "M3.5 1.8h6l3 3v9.4h-9zM9.5 1.8v3h3M5.8 8h4.4M5.8 10.6h4.4"
	case "einvoice":
		return "M3.5 1.8h6l3 3v9.4h-9zM9.5 1.8v3h3M7 7.8L5.6 9.4 7 11M9 7.8l1.4 1.6L9 11"
	case "receipt":
		return "M3.8 1.8h8.4v12.4l-1.4-1-1.4 1-1.4-1-1.4 1-1.4-1-1.4 1zM6 5h4M6 7.6h4"
	case "mail":
		return "M1.8 3.6h12.4v8.8H1.8zM2.2 4.2L8 8.8l5.8-4.6"
	case "copy":
		return "M5.6 5.6h8v8h-8zM10.4 5.6V2.4h-8v8h3.2"
	case "upload":
		return "M8 10.5V2.6M4.8 5.6L8 2.4l3.2 3.2M2.5 10v3.5h11V10"
	case "download":
		return "M8 2.5v8M4.8 7.4L8 10.6l3.2-3.2M2.5 10.5v3h11v-3"
	case "search":
		return "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14"
	case "down":
		return "M4 6l4 4 4-4"
	case "left":
		return "M10 3.5L5.5 8l4.5 4.5"
	case "right":
		return "M6 3.5L10.5 8 6 12.5"
	case "up":
		return "M8 13.5V3M3.8 7L8 2.8 12.2 7"
	case "undo":
		return "M5.5 3l-3 3 3 3M2.8 6h6.4a3.5 3.5 0 0 1 0 7H7"
	case "retry":
		return "M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3.1h-3.1"
	case "turn":
		return "M3 8a5 5 0 1 0 1.6-3.7M2.8 1.8v3.1h3.1"
	case "lock":
		return "M3.5 7.4h9v6.2h-9zM5.5 7.4V5a2.5 2.5 0 0 1 5 0v2.4"
	case "edit":
		return "M3 13l.7-3L11 2.7 13.3 5 6 12.3zM9.4 4.3l2.3 2.3"
	case "stop":
		return "M4 4h8v8H4z"
	case "warn":
		return "M8 2.4l6.3 11.2H1.7zM8 6.4v3.2M8 11.5v.1"
	case "folder":
		return "M1.8 3.6h4.4l1.6 1.9h6.4v7.1H1.8z"
	case "camera":
		return "M1.8 4.8h3L6 3h4l1.2 1.8h3v8.4H1.8zM8 11.2a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
	case "menu":
		return "M2.5 4h11M2.5 8h11M2.5 12h11"
	case "trash":
		return "M3 4.5h10M6 4.4V2.8h4v1.6M4.4 4.6l.6 8.9h6l.6-8.9"
	case "person":
		return "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.8 14c.4-3 2.4-4.2 5.2-4.2s4.8 1.2 5.2 4.2"
	case "shield":
		return "M8 1.8l5.2 1.8v4.2c0 3.2-2.2 5.3-5.2 6.4-3-1.1-5.2-3.2-5.2-6.4V3.6z"
	case "chat":
		return "M2 3h12v8H7l-3 2.6V11H2z"
	case "out":
		return "M9 2.5h4.5V7M13.2 2.8L7.5 8.5M6.5 3.5h-4v10h10v-4"
	case "google":
		return "M8.2 8h5.1a5.3 5.3 0 1 1-1.5-3.7"
	case "zoom":
		return "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14M5 7h4M7 5v4"
	}
	return ""
}

const markWidth = 17

func linkBefore(i int) string {
	return fmt.Sprintf("M%d 8.5h%d", markWidth*i-3, 6)
}
