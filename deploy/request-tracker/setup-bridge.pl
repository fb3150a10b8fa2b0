#!/usr/bin/perl
# Makes in RT what the bridge needs, by RT's own API: the bridge's user and its rights, two custom fields, the scrip.
#
#   BRIDGE_PASSWORD=... perl setup-bridge.pl [FILE OF THE SCRIP]
#
# Run it again after an update: what is there is kept, the password and the scrip's code are set anew. It reads the
# site configuration that RT itself reads; RT's folder of modules may be named in RT_LIB.
use strict;
use warnings;
use File::Basename qw(dirname);

BEGIN {
    my ($lib) = grep { -e "$_/RT.pm" } ( $ENV{RT_LIB} || (), '/usr/share/request-tracker5/lib', '/opt/rt5/lib' );
    die "there is no RT 5 here; name the folder that holds RT.pm in RT_LIB\n" unless $lib;
    unshift @INC, $lib, '/usr/local/share/request-tracker5/lib', "$lib/../local/lib";
}
use RT -init;

my $NAME     = RT->Config->Get('JelouBridgeUser') || 'jelou-bridge';
my $PASSWORD = $ENV{BRIDGE_PASSWORD} or die "BRIDGE_PASSWORD is not set\n";
my $FILE     = shift || dirname($0) . '/bridge-scrip.pl';
my $CODE     = do { local ( @ARGV, $/ ) = ($FILE); <> } or die "$FILE is empty\n";

# What the bridge's calls need, in all queues.
my @RIGHTS = qw(SeeQueue ShowTicket ShowTicketComments CommentOnTicket CreateTicket ModifyTicket SeeCustomField
    ModifyCustomField);
my @FIELDS = (
    [ JelouConversation => 'The conversation in Jelou; the bridge writes it.' ],
    [ JelouPhone        => "The customer's number; the scrip copies it from the requestor." ],
);
my $SCRIP = 'Jelou bridge';

# Without an address RT mails the bridge's user nothing. RT reads the time in a search in the user's time zone, and
# answers in the user's language: the bridge counts on these two.
my %USER = ( RealName => 'Jelou', Privileged => 1, Timezone => 'UTC', Lang => 'en' );

sub done {
    my ( $what, $ok, $message ) = @_;
    die "$what: $message\n" unless $ok;
    print "$what\n";
}

sub user {
    my $user = RT::User->new( RT->SystemUser );
    $user->Load($NAME);
    if ( !$user->Id ) {
        done( "user $NAME", $user->Create( Name => $NAME, Password => $PASSWORD, %USER ) );
    }
    elsif ( !$user->IsPassword($PASSWORD) ) {
        done( "password of $NAME", $user->SetPassword($PASSWORD) );
    }
    done( "user $NAME is privileged", $user->SetPrivileged(1) ) unless $user->Privileged;
    for my $name (qw(Timezone Lang)) {
        my $set = "Set$name";
        done( "$name of $NAME", $user->$set( $USER{$name} ) ) if ( $user->$name || '' ) ne $USER{$name};
    }
    for my $right (@RIGHTS) {
        my %granted = ( Right => $right, Object => RT->System );
        next if $user->PrincipalObj->HasRight(%granted);
        done( "right $right", $user->PrincipalObj->GrantRight(%granted) );
    }
}

sub field {
    my ( $name, $about ) = @_;
    my %named = ( Name => $name, LookupType => RT::Ticket->CustomFieldLookupType );
    my $field = RT::CustomField->new( RT->SystemUser );
    $field->LoadByName(%named);
    done( "custom field $name", $field->Create( %named, Description => $about, Type => 'FreeformSingle' ) )
        unless $field->Id;
    done( "custom field $name in all queues", $field->AddToObject( RT::Queue->new( RT->SystemUser ) ) )
        unless $field->IsGlobal;
}

sub scrips {
    my $found = RT::Scrips->new( RT->SystemUser );
    $found->Limit( FIELD => 'Disabled', VALUE => 0 );
    return @{ $found->ItemsArrayRef };
}

sub scrip {
    my ($known) = grep { ( $_->Description || '' ) eq $SCRIP } scrips();
    if ( !$known ) {
        my %new = (
            Queue             => 0,
            Description       => $SCRIP,
            ScripCondition    => 'On Transaction',
            ScripAction       => 'User Defined',
            Template          => 'Blank',
            Stage             => 'TransactionBatch',
            CustomPrepareCode => 'return 1;',
            CustomCommitCode  => $CODE,
        );
        done( "scrip $SCRIP", RT::Scrip->new( RT->SystemUser )->Create(%new) );
    }
    elsif ( $known->CustomCommitCode ne $CODE ) {
        done( "code of scrip $SCRIP", $known->SetCustomCommitCode($CODE) );
    }
}

# RT mails the customer "your request has been resolved", whoever resolved it. Where the bridge did, the customer has
# been told in the chat: these scrips then leave its user out. To undo it, set their condition to "On Resolve" again.
my $RESOLVED = <<"END";
my \$txn = \$self->TransactionObj;
return 0 if \$txn->CreatorObj->Name eq '$NAME';
return \$txn->Type eq 'Status' && \$txn->Field eq 'Status' && \$txn->NewValue eq 'resolved';
END

sub quiet {
    for my $known ( scrips() ) {
        next unless $known->ConditionObj->Name eq 'On Resolve' && $known->ActionObj->Name =~ /Requestor/;
        my $what = 'scrip "' . ( $known->Description || $known->Id ) . '"';
        done( "code of the condition of $what",            $known->SetCustomIsApplicableCode($RESOLVED) );
        done( "$what leaves out what $NAME resolves", $known->SetScripCondition('User Defined') );
    }
}

user();
field(@$_) for @FIELDS;
scrip();
quiet();
