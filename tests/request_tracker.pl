# The people of the tests, in an RT that is made for them alone: customers who may write, and an agent.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT -init;

sub user {
    my ( $name, $password, %about ) = @_;
    my $user = RT::User->new( RT->SystemUser );
    my ( $ok, $message ) = $user->Create( Name => $name, EmailAddress => $name, Password => $password, %about );
    die "$name: $message\n" unless $ok;
    return $user->PrincipalObj;
}

sub granted {
    my ( $principal, @rights ) = @_;
    $principal->GrantRight( Right => $_, Object => RT->System ) for @rights;
}

my ( $customer, $other, $agent, $password ) = @ARGV;
user( $customer, $password, RealName => 'Ana Mora', MobilePhone => '+593 98 765 4321', Privileged => 0 );
user( $other, $password, RealName => 'Eva Paz', MobilePhone => '+593 98 700 1234', Privileged => 0 );
granted(
    user( $agent, $password, RealName => 'Marta Ruiz', Privileged => 1 ),
    qw(SeeQueue SeeCustomField ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket)
);
my $everyone = RT::Group->new( RT->SystemUser );
$everyone->LoadSystemInternalGroup('Everyone');
granted( $everyone->PrincipalObj, qw(CreateTicket ReplyToTicket) );
