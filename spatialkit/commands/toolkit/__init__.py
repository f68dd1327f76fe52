"""Toolkit of commands, also for plug-in commands: options, reading, writing and printing.

A plug-in command is a `click.Command` named by an entry point in the group ``spatialkit.commands``
(or ``spatialkit.benchmarks``, for ``spatialkit benchmark NAME``)::

    from spatialkit.commands import toolkit

    @toolkit.command("spatialkit invert in.wav -o out.wav")
    @toolkit.file_argument
    @toolkit.output_option
    @toolkit.force_option
    @toolkit.json_option
    def command(source, output, force, as_json):
        \"\"\"Invert the polarity of every channel.\"\"\"
        toolkit.check_output(output, [source], force)
        audio, format = toolkit.read_with_format(source)
        facts = toolkit.write_output(output, -audio.samples, audio.sample_rate, format, force)
        toolkit.print_output(facts, as_json)

An error is reported by raising a `spatialkit.errors.SpatialkitError` (or a `click.ClickException`):
the command line prints it in one line on stderr and exits with status 2; ``--debug`` adds the
traceback. Warnings issued with `warnings.warn` are printed in one line each. A command that returns
an integer exits with that status. Commands for many files use `spatialkit.commands.batches`: worker
processes, a progress bar and one result record per file.
"""

from spatialkit.commands.toolkit.conversion import (
    Conversion,
    convert_file,
    convert_scene,
    hidden_progress,
    progress_bar,
    reported_progress,
)
from spatialkit.commands.toolkit.encoding import SUBTYPES, encoding_parameters
from spatialkit.commands.toolkit.files import (
    check_file,
    check_output,
    check_outputs,
    known_format,
    output_facts,
    overload_facts,
    read_input,
    read_with_format,
    reading_facts,
    scene_format,
    write_output,
    write_text,
    written_facts,
)
from spatialkit.commands.toolkit.isolation import isolated_plugins
from spatialkit.commands.toolkit.messages import current_options, message_of, use_options
from spatialkit.commands.toolkit.names import (
    LayoutName,
    Name,
    ambisonic_names,
    format_names,
    one_of,
)
from spatialkit.commands.toolkit.options import (
    FILE,
    FORMAT_NAMES,
    LAYOUT_FILE,
    OUTPUT_HELP,
    SCENE_NAMES,
    command,
    debug_option,
    file_argument,
    files_argument,
    force_option,
    hrtf_option,
    json_option,
    layout_of,
    layout_option,
    output_option,
    outputs_option,
    reading_options,
    setup_option,
    truncated_option,
)
from spatialkit.commands.toolkit.plugins import (
    Setting,
    UpmixerName,
    make_upmixer,
    parse_settings,
    plugin_facts,
    plugin_option,
    plugins_named,
    preset_option,
    print_plugin,
    setting_option,
)
from spatialkit.commands.toolkit.printing import (
    counted,
    decibels,
    json_line,
    overload,
    print_error,
    print_json,
    print_line,
    print_output,
    print_table,
    print_text,
    print_warning,
    print_wrapped,
    printable,
)
from spatialkit.commands.toolkit.standard_output import STANDARD_OUTPUT, writes_output
from spatialkit.commands.toolkit.systems import (
    Report,
    Systems,
    baseline_option,
    check_baseline,
    combined,
    report_options,
    system_options,
    timeout_option,
    upmixer_option,
    values_option,
)

__all__ = [
    "Conversion",
    "FILE",
    "FORMAT_NAMES",
    "LAYOUT_FILE",
    "OUTPUT_HELP",
    "Report",
    "SCENE_NAMES",
    "STANDARD_OUTPUT",
    "SUBTYPES",
    "Systems",
    "encoding_parameters",
    "LayoutName",
    "Name",
    "Setting",
    "UpmixerName",
    "ambisonic_names",
    "baseline_option",
    "check_baseline",
    "check_file",
    "check_output",
    "check_outputs",
    "combined",
    "command",
    "convert_file",
    "convert_scene",
    "counted",
    "current_options",
    "debug_option",
    "decibels",
    "file_argument",
    "files_argument",
    "force_option",
    "hrtf_option",
    "format_names",
    "hidden_progress",
    "isolated_plugins",
    "json_line",
    "json_option",
    "known_format",
    "layout_of",
    "layout_option",
    "make_upmixer",
    "message_of",
    "one_of",
    "output_facts",
    "output_option",
    "outputs_option",
    "overload",
    "overload_facts",
    "parse_settings",
    "plugin_facts",
    "plugin_option",
    "plugins_named",
    "preset_option",
    "print_error",
    "print_json",
    "print_line",
    "print_output",
    "print_plugin",
    "print_table",
    "print_text",
    "print_warning",
    "print_wrapped",
    "printable",
    "progress_bar",
    "report_options",
    "reported_progress",
    "read_input",
    "read_with_format",
    "reading_facts",
    "reading_options",
    "system_options",
    "timeout_option",
    "truncated_option",
    "upmixer_option",
    "values_option",
    "writes_output",
    "scene_format",
    "setting_option",
    "setup_option",
    "use_options",
    "write_output",
    "write_text",
    "written_facts",
]
