package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// helpFlag is one for each command. The library's own is one variable for the whole process, which every command line that is parsed writes to.
func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
}

// helpCommand stands in for the library's, which is shared as its flag is.
func helpCommand(app *cli.App) *cli.Command {
	return &cli.Command{
		Name: "help", Aliases: []string{"h"}, Usage: "show the commands, or one command's flags", ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			if name == "" {
				return cli.ShowAppHelp(c)
			}
			if app.Command(name) == nil {
				return noSuchCommand(app, name)
			}
			return cli.ShowCommandHelp(c.Lineage()[1], name)
		},
	}
}

// ownHelp gives the app and its commands a help of their own.
func ownHelp(app *cli.App) {
	app.HideHelp = true // the library's
	app.Flags = append(app.Flags, helpFlag())
	app.Commands = append(app.Commands, helpCommand(app))
	for _, c := range app.Commands {
		c.HideHelp = true
		c.Flags = append(c.Flags, helpFlag())
	}
}

func noSuchCommand(app *cli.App, name string) error {
	return usagef("there is no command %q: the commands are %s", name, strings.Join(commandNames(app), ", "))
}
