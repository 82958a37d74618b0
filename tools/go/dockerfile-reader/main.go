// Command dockerfile-reader tells what BuildKit reads in Dockerfiles: its own parser and its own lexer of words, in the
// order in which dockerfile2llb uses them. Tests compare that with what was to be written.
//
// Each line of the input is a Dockerfile as a JSON string, each line of the output an answer of the same number.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

type answer struct {
	// What BuildKit says where it refuses the file.
	Error        string        `json:"error,omitempty"`
	Instructions []instruction `json:"instructions,omitempty"`
}

// instruction holds the values of one instruction after quotes, escapes and variables.
type instruction struct {
	Keyword string     `json:"keyword"`
	Flags   []string   `json:"flags,omitempty"`
	Args    []string   `json:"args,omitempty"`
	Pairs   [][]string `json:"pairs,omitempty"`
	// Whether Args is one text for the image's shell.
	IsShell bool `json:"isShell,omitempty"`
}

// everything is set: whatever is taken for a variable shows in what is read.
type everything struct{}

func (everything) Get(string) (string, bool) { return "EXPANDED", true }
func (everything) Keys() []string            { return nil }

func main() {
	requests := json.NewDecoder(bufio.NewReader(os.Stdin))
	output := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(output)
	answers.SetEscapeHTML(false)
	for requests.More() {
		var text string
		if err := requests.Decode(&text); err != nil {
			fail(err)
		}
		if err := answers.Encode(read(text)); err != nil {
			fail(err)
		}
	}
	if err := output.Flush(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func read(text string) answer {
	parsed, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return answer{Error: err.Error()}
	}
	stages, args, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return answer{Error: err.Error()}
	}
	lex := shell.NewLex(parsed.EscapeToken)
	expand := func(word string) (string, error) {
		value, _, err := lex.ProcessWord(word, everything{})
		return value, err
	}
	var found []instruction
	for range args {
		found = append(found, instruction{Keyword: "ARG"})
	}
	for _, stage := range stages {
		name, err := expand(stage.BaseName)
		if err != nil {
			return answer{Error: err.Error()}
		}
		found = append(found, instruction{Keyword: "FROM", Args: []string{name}})
		for _, command := range stage.Commands {
			one, err := readCommand(command, expand)
			if err != nil {
				return answer{Error: err.Error()}
			}
			found = append(found, one)
		}
	}
	return answer{Instructions: found}
}

func readCommand(command instructions.Command, expand instructions.SingleWordExpander) (instruction, error) {
	found := instruction{Keyword: strings.ToUpper(command.Name())}
	if expandable, ok := command.(instructions.SupportsSingleWordExpansion); ok {
		if err := expandable.Expand(expand); err != nil {
			return found, err
		}
	}
	switch c := command.(type) {
	case *instructions.EnvCommand:
		found.Pairs = pairs(c.Env)
	case *instructions.LabelCommand:
		found.Pairs = pairs(c.Labels)
	case *instructions.ArgCommand:
		for _, arg := range c.Args {
			found.Pairs = append(found.Pairs, []string{arg.Key, arg.ValueString()})
		}
	case *instructions.WorkdirCommand:
		found.Args = []string{c.Path}
	case *instructions.UserCommand:
		found.Args = []string{c.User}
	case *instructions.EntrypointCommand:
		found.Args, found.IsShell = c.CmdLine, c.PrependShell
	case *instructions.CmdCommand:
		found.Args, found.IsShell = c.CmdLine, c.PrependShell
	case *instructions.CopyCommand:
		found.Args, found.Flags = append(c.SourcePaths, c.DestPath), flags(c.Link, c.From)
		for _, content := range c.SourceContents {
			found.Args = append(found.Args, "<<"+content.Path)
		}
	case *instructions.AddCommand:
		found.Args, found.Flags = append(c.SourcePaths, c.DestPath), flags(c.Link, "")
		for _, content := range c.SourceContents {
			found.Args = append(found.Args, "<<"+content.Path)
		}
	case *instructions.RunCommand:
		found.Args, found.IsShell = runArgs(c), c.PrependShell
		for _, mount := range instructions.GetMounts(c) {
			flag := fmt.Sprintf("mount %s %s", mount.Type, mount.Target)
			if mount.Type == instructions.MountTypeSecret {
				flag = fmt.Sprintf("secret %s at %q", mount.CacheID, mount.Target)
				if mount.Env != nil {
					flag += fmt.Sprintf(" in %s", *mount.Env)
				}
			}
			found.Flags = append(found.Flags, flag)
		}
		if network := instructions.GetNetwork(c); network != instructions.NetworkDefault {
			found.Flags = append(found.Flags, "network "+network)
		}
	}
	return found, nil
}

// runArgs is what dispatchRun of dockerfile2llb hands to the shell, or runs as a file that begins with #!.
func runArgs(c *instructions.RunCommand) []string {
	if len(c.Files) == 0 {
		return c.CmdLine
	}
	if parser.MustParseHeredoc(c.CmdLine[0]) == nil {
		full := c.CmdLine[0]
		for _, file := range c.Files {
			full += "\n" + file.Data + file.Name
		}
		return []string{full}
	}
	data := c.Files[0].Data
	if c.Files[0].Chomp {
		data = parser.ChompHeredocContent(data)
	}
	return []string{data}
}

func pairs(from instructions.KeyValuePairs) [][]string {
	var found [][]string
	for _, pair := range from {
		found = append(found, []string{pair.Key, pair.Value})
	}
	return found
}

func flags(link bool, from string) []string {
	var found []string
	if link {
		found = append(found, "link")
	}
	if from != "" {
		found = append(found, "from "+from)
	}
	return found
}
